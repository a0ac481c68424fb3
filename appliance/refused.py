"""What a person asked for is not allowed: one word for programs, one sentence for people."""


class Refused(Exception):
    """Raised at the boundary; pages answer 403 or 409 with the sentence.

    `sentence` is an English gettext msgid with %(name)s places, `values` fill them: a page in
    another language translates the sentence first and fills it after. The call process says
    only the word (one of `appliance.calls.wire.REASONS`); its sentence is the page's.
    """

    def __init__(self, word: str, sentence: str = "", **values: object) -> None:
        super().__init__(sentence % values if values else sentence or word)
        self.word = word
        self.sentence = sentence
        self.values = values
        self.at = ""
        """Which input it is about, when a program asked."""
