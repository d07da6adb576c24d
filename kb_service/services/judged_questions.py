"""Questions that people have judged, as evidence for how sure the index may be."""

from indexer.leave_out import Labelled
from kb_service.services.redact import without_placeholders
from kb_service.storage.database import UnitOfWork

# How many leave-out questions a judgement counts as: a curator looked, a customer may have pressed the nearest button.
CURATOR_WEIGHT, CUSTOMER_WEIGHT = 3.0, 1.0
_MOST_VERDICTS = 2000


def judged_questions(work: UnitOfWork) -> list[Labelled]:
    """Golden questions, customers' feedback on automatic replies, and the suggestions they chose."""
    golden = [
        Labelled(without_placeholders(question.query), question.expected, question.locale, weight=CURATOR_WEIGHT)
        for question in work.golden.find()
    ]
    customers = [
        Labelled(without_placeholders(v.query), v.entry_key, v.locale, confirmed=v.helped, weight=CUSTOMER_WEIGHT)
        for v in work.events.verdicts(_MOST_VERDICTS)
    ]
    return golden + customers
