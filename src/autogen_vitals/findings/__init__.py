"""What to change: rules that know what the observations mean. One file a rule, in ``rules``."""
