"""The plan of a site in every form: for people, for firewall teams, for programs."""

from portwright.report.plan.document import plan_json
from portwright.report.plan.text import plan_text

__all__ = ["plan_json", "plan_text"]
