"""A classifier of traces: fitted on labels, calibrated, and saved without a word of what it was fitted on."""

from monitors.classifier.monitor import ClassifierMonitor, ClassifierSettings
from monitors.classifier.saved import load_model

DEFAULTS = ClassifierSettings()
STARTER = "starter"  # the model that ships with cotmonitor


def load_classifier(ref: str = STARTER, settings: ClassifierSettings = DEFAULTS) -> ClassifierMonitor:
    """A model as a monitor: one that ships with cotmonitor, by name, or the folder of one.

    Raises ModelError where it is not what its card says.
    """
    model, card = load_model(ref)
    return ClassifierMonitor(model, card.probes, settings)


__all__ = ["STARTER", "ClassifierMonitor", "ClassifierSettings", "load_classifier", "load_model"]
