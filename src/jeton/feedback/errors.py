"""What is refused of feedback.

InvalidInputError
├── FeedbackError        a vote that cannot be
└── QuestionError        a question that cannot be
"""

from jeton.errors import InvalidInputError


class FeedbackError(InvalidInputError):
    """A vote that cannot be."""

    code = "invalid_feedback"

    def __init__(self, problem: str) -> None:
        """Name the problem."""
        super().__init__(f"The feedback cannot be taken: {problem}.")


class QuestionError(InvalidInputError):
    """A question to the documentation that cannot be."""

    code = "invalid_question"

    def __init__(self, chars_max: int) -> None:
        """Name the limit."""
        super().__init__(f"A question must have 1 to {chars_max} characters that can be printed.")
