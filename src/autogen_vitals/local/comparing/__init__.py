"""``autogen-vitals compare``: an app with one worker and with several, and what fails only with several.

One way through: ``requests`` and ``variants`` say what is to be done, ``trial`` does it once (``serving`` starts the
app, ``driving`` asks it, ``measuring`` reads what it told), ``judging`` says what that means, and ``view``,
``report`` and ``junit`` say it to people and to machines.
"""
