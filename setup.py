"""Packaging: one distribution, `cotmonitor`, made of the packages schemas, monitors and pipelines.

Beam ships exactly this file's idea of the package to remote workers (`--setup_file ./setup.py`), so packs, prompts and
SQL must be package data: a worker without them would have nothing to look for.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

REQUIRED = [
    "apache-beam>=2.77,<3",
    "click>=8.2",
    "deltalake>=1.6,<2",
    "duckdb>=2.0,<3",
    "google-re2>=1.1.20251105",
    "great-expectations>=1.24,<2",
    "numpy>=2.0",
    "pandas>=2.2",
    "pyarrow>=25",
    "pydantic>=2.10,<3",
    "PyYAML>=6.0",
    "requests>=2.32",
    "rich>=14",
    "tree-sitter>=0.25",
    "tree-sitter-bash>=0.25",
    "tree-sitter-cpp>=0.23",
    "tree-sitter-go>=0.25",
    "tree-sitter-java>=0.23",
    "tree-sitter-javascript>=0.25",
    "tree-sitter-python>=0.25",
    "tree-sitter-rust>=0.24",
    "tree-sitter-typescript>=0.23",
    "whatthepatch>=1.0.7",
    "scipy>=1.14",
]
CLASSIFIER = ["scikit-learn>=1.6", "skops>=0.13"]
JUDGE = ["openai>=2"]
METRICS = ["prometheus-client>=0.22"]
REPORT = ["matplotlib>=3.10"]
TOKENIZER = ["tokenizers>=0.21"]
DEV = [
    "hypothesis>=6.100",
    "mypy>=1.15",
    "psutil>=6",
    "pytest>=8.3",
    "pytest-xdist>=3.6",
    "ruff>=0.12",
    "tokenizers>=0.21",
    "types-PyYAML>=6.0",
    "types-requests>=2.32",
]

setup(
    name="cotmonitor",
    version="0.1.0",
    description="Watches what reasoning models think: traces in, alert tables out, nothing into the training data.",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["schemas", "schemas.*", "monitors", "monitors.*", "pipelines", "pipelines.*"]),
    package_data={
        "monitors": ["packs/**/*.yml", "prompts/**/*", "fusion/*.json", "models/**/*"],
        "pipelines": ["**/*.sql"],
        "schemas": ["**/*.sql"],
    },
    install_requires=REQUIRED,
    extras_require={
        **{"classifier": CLASSIFIER, "judge": JUDGE, "metrics": METRICS, "report": REPORT, "tokenizer": TOKENIZER},
        "dev": DEV,
    },
    entry_points={"console_scripts": ["cotmonitor=pipelines.cli:main", "cotmonitor-worker=pipelines.boot:main"]},
)
