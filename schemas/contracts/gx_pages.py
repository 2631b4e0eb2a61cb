"""great_expectations' own pages of validation results, made readable without a network."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

LOG = logging.getLogger(__name__)
# GX's templates load bootstrap, jquery, fonts and a logo from five CDNs and advertise a newsletter.
_REMOTE = re.compile(
    r"<script\b.*?</script>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer>|<[^<>]*\bcooltip\b[^<>]*>.*?</\w+>", re.S
)
_FILTER = re.compile(r"<strong>\s*Actions\s*</strong>|<p[^>]*>\s*Validation Filter:.*?Failed Only.*?</label>", re.S)
_LINK = re.compile(r'href="(?!#)[^"]*"')  # to GX's own index and suites, which we do not write
_URL = re.compile(r"url\([^)]*\)|https?://[^\s\"'<>)]*")
STYLE = """<style>
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
.container, .container-fluid { padding-top: 0; } .breadcrumb, .breadcrumb li { list-style: none; padding: 0; }
table { border-collapse: collapse; margin: .4rem 0; } th, td { border-bottom: 1px solid #8884; padding: .25rem .7rem;
text-align: left; vertical-align: top; } i.text-success::before { content: "kept"; color: #2e7d32; }
i.text-danger::before, i.text-warning::before { content: "broken"; color: #c62828; font-weight: 600; }
i { font-style: normal; } code, pre { overflow-wrap: anywhere; white-space: pre-wrap; }
h4 { font-size: 1.3rem; } h5 { font-size: 1.05rem; margin-bottom: .2rem; } h6 { margin-bottom: .2rem; }
</style></head>"""


def write_pages(results: Mapping[str, ExpectationSuiteValidationResult], folder: Path) -> None:
    """One page per suite. A disk that is full must not turn a verdict into a crash, so that is only logged."""
    from great_expectations.render.renderer import ValidationResultsPageRenderer

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, result in results.items():
            document = ValidationResultsPageRenderer(run_info_at_end=True).render(result)
            (folder / f"{name}.html").write_text(offline(_view().render(document)), encoding="utf-8")
    except OSError as error:
        LOG.warning("great_expectations' pages could not be written to %s: %s", folder, error)


def offline(html: str) -> str:
    """A GX page without anything that lies elsewhere, and with a few styles of its own."""
    html = _FILTER.sub("", _REMOTE.sub("", html))
    html = _LINK.sub('href="../index.html"', html)
    return _URL.sub("", html).replace("</head>", STYLE, 1)


@functools.cache
def _view() -> Any:
    """GX's view, kept because its templates take 0.1 s to compile."""
    from great_expectations.render.view import DefaultJinjaPageView

    return DefaultJinjaPageView()
