"""The report of a check in every form: for people, for change tickets, for programs and build servers."""

from portwright.report.check.document import check_json, deciding_json, finding_json
from portwright.report.check.text import check_text

__all__ = ["check_json", "check_text", "deciding_json", "finding_json"]
