"""What to change: rules that know what the observations mean. One file a rule, in ``rules`` if it is asked about what
goes on, in ``aftermath`` if about nothing but exceptions and ends of processes."""
