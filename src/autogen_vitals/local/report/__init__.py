"""The report on a run: what to fix first, and everything that this is known by.

From a recording to a report (``analyse``), and from there to a terminal (``show``) or JSON (``as_json``); two reports
make a comparison (``compare``), which is shown likewise.
"""

from autogen_vitals.local.report.analysis import analyse as analyse
from autogen_vitals.local.report.changes import Comparison as Comparison
from autogen_vitals.local.report.comparison import compare as compare
from autogen_vitals.local.report.comparison_view import show_comparison as show_comparison
from autogen_vitals.local.report.json_form import as_json as as_json, comparison_as_json as comparison_as_json
from autogen_vitals.local.report.model import Report as Report
from autogen_vitals.local.report.view import show as show
