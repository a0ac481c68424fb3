"""Numbers of a settings file that are too small or too large, each as the fault of its key."""


def out_of_limits(limits: list[tuple[str, float, float, float]]) -> list[tuple[str, str]]:
    """Name what lies outside: each is key, value, least and most."""
    return [
        (key, f"{key} is {value:.9g}; between {least:.9g} and {most:.9g} are possible")
        for key, value, least, most in limits
        if not least <= value <= most
    ]
