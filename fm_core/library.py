"""The models that the page and notebooks run: those that were trained, and the flows that are known exactly."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fm_core.checkpoints import DEFAULT_DIRECTORY, CheckpointError, checkpoint_path, load_checkpoint
from fm_core.image_settings import IMAGE_SCHEDULES
from fm_core.maths import quality
from fm_core.maths.distributions import SOURCES, STANDARD, TARGETS
from fm_core.maths.flow import Flow
from fm_core.maths.plane import Plane
from fm_core.maths.schedules import SCHEDULES
from fm_core.models.catalogue import CATALOGUE, CLASSIFIER, IMAGE_RECIPES, POINT_RECIPES
from fm_core.models.classifier import MNIST
from fm_core.models.digit_plane import digit_plane
from fm_core.models.kind import flow_name
from fm_core.models.networks import DigitClassifier
from fm_core.refusals import SettingsError, entry
from fm_core.settings import Ends, Field


@dataclass(frozen=True, eq=False)
class Library:
    """The models that loaded, and one sentence for each that did not; and the plane of the classifier's features in
    which digits vary most, if it is known. Read-only.
    """

    models: Mapping[str, Flow | DigitClassifier]
    metadata: Mapping[str, dict]
    problems: Mapping[str, str]
    plane: Plane | None = None

    def __repr__(self) -> str:
        return f"Library({len(self.models)} models, {len(self.problems)} problems)"

    @staticmethod
    def load(directory: Path = DEFAULT_DIRECTORY) -> "Library":
        """Load every checkpoint of the catalogue; a missing or damaged one becomes a problem, not an error."""
        models, metadata, problems = {}, {}, {}
        for name, recipe in CATALOGUE.items():
            try:
                checkpoint = load_checkpoint(checkpoint_path(name, directory), recipe)
                models[name], metadata[name] = checkpoint.model, checkpoint.metadata
            except CheckpointError as error:
                problems[name] = str(error)
        return Library(models, metadata, problems, digit_plane(directory))

    @property
    def flows(self) -> dict[str, Flow]:
        return {name: model for name, model in self.models.items() if isinstance(model, Flow)}

    @property
    def classifier(self) -> DigitClassifier | None:
        return self.models.get(CLASSIFIER.name)  # pyright: ignore[reportReturnType]

    def judged(self, recipes: Mapping[str, object]) -> dict[str, dict]:
        """The metadata of the recipes that are loaded."""
        return {name: self.metadata[name] for name in recipes if name in self.metadata}

    def image_schedules(self, source: str) -> list[str]:
        """The schedules with a trained image flow from this source."""
        return [s for s in IMAGE_SCHEDULES if flow_name(MNIST.name, s, source) in self.models]

    def why_missing(self, names: list[str]) -> str:
        """Why these learned flows are missing, and what they would need; empty for no names."""
        reasons = [self.problems[name] for name in names if name in self.problems]
        untrained = [name for name in names if name not in self.problems]
        if untrained:
            needs = "that needs a recipe in fm_core/models/catalogue.py, then python train_all.py."
            reasons.append(f"There is no trained checkpoint for {' or '.join(untrained)}: {needs}")
        return " ".join(reasons)

    def flow(self, name: str) -> Flow:
        """The flow of this name. Raises SettingsError, saying what a missing one would need."""
        if name not in self.models:
            recipes = IMAGE_RECIPES if name in IMAGE_RECIPES else POINT_RECIPES
            trained = ", ".join(other for other in recipes if other in self.models) or "none"
            raise SettingsError(f"{self.why_missing([name])} Trained are: {trained}.")
        return self.flows[name]

    def flow_of(self, settings: Ends, side: Field) -> Flow:
        """The learned or exact flow of a side of points. Raises SettingsError if there is none."""
        if side.velocity != "exact":
            return self.flow(settings.flow_name(side))
        if side.coupling != "independent":
            raise SettingsError("The exact field is known for the independent coupling only, so choose that.")
        return exact_flow(settings.target, side.schedule, settings.source)


@lru_cache
def exact_flow(target: str, schedule: str, source: str = STANDARD.name) -> Flow:
    """The flow with the exact velocity. Raises SettingsError for an unknown name.

    >>> exact_flow("moons", "cosine").sample(n=100, steps=20)
    Trajectory(100 of 2 in 20 steps, NFE 20, seed 0)
    """
    start, end = entry("source", source, SOURCES), entry("target", target, TARGETS)
    path = entry("schedule", schedule, SCHEDULES)
    return quality.exact_flow(Flow(flow_name(target, schedule, source), start, end, path, lambda x, t: x))
