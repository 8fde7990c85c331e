"""The one error that arithmetic raises."""


class DomainError(ValueError):
    """An argument outside its range; the text names the argument, its value and what is allowed."""

    def __init__(self, name: str, value: object, allowed: str) -> None:
        self.name = name
        self.value = value
        self.allowed = allowed
        super().__init__(f"{name} was {value!r}; allowed is {allowed}")
