"""A keyboard for tests that are asked for secrets."""

from __future__ import annotations

from hero_kernel.errors import NotInteractiveError


class Keyboard:
    """Who sits at the notebook: answers in turn; without any, nobody is there."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.questions: list[str] = []

    def ask(self, question: str) -> str:
        self.questions.append(question)
        if not self.answers:
            raise NotInteractiveError("nobody can be asked here", hint="set HERO_SECRET_FILE")
        return self.answers.pop(0)
