"""`python -m amazonlite_operator.generate [--check]`: writes the files that are made from the kinds.

With --check it writes nothing and fails if one differs. They are CRDs (for kubectl and for the chart), the rules of the
operator's Role in the chart, Argo CD's health checks, and the diagrams and tables of docs/operator.md. A page or
template keeps its own words: only what stands between `generated:NAME` and `/generated` is replaced.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from amazonlite_operator.kind import health
from amazonlite_operator.kind.kind import AnyKind
from amazonlite_operator.kind.reasons import CommonReason
from amazonlite_operator.kinds import KINDS
from amazonlite_operator.kube import rbac
from amazonlite_operator.kube.crd import AnyResource, manifest
from amazonlite_operator.kube.reasons import ExplainedReason

COMMAND = "python -m amazonlite_operator.generate"
HEADER = f"# Generated from operator/amazonlite_operator by `{COMMAND}`; do not edit.\n"
PAGES = ("docs/operator.md", "charts/platform/templates/operator.yaml")
_BLOCK = re.compile(
    r"(?P<begin>^[^\n]*\bgenerated:(?P<name>[\w-]+)[^\n]*\n).*?(?P<end>^[^\n]*/generated\b)", re.DOTALL | re.MULTILINE
)


def crd(resource: AnyResource) -> str:
    return HEADER + yaml.safe_dump(manifest(resource), sort_keys=False, width=120, allow_unicode=True)


def rules(kinds: Sequence[AnyKind]) -> str:
    """The operator's own rights first, then what each kind needs."""
    asked = [
        *(rule for kind in kinds for rule in rbac.of_resource(kind.resource)),
        *rbac.OPERATOR,
        *(rule for kind in kinds for rule in kind.rules),
    ]
    return "".join(f"  - {rule.yaml()}\n" for rule in rbac.merged(asked))


def reasons(of: type[ExplainedReason]) -> str:
    rows = [f"| `{reason}` | {reason.explanation} |" for reason in of]
    return "\n".join(["| reason | what it means, and what to do |", "|---|---|", *rows, ""])


def blocks(kinds: Sequence[AnyKind]) -> dict[str, str]:
    """What stands between the marks, by name."""
    made = {"rules": rules(kinds), "common-reasons": reasons(CommonReason)}
    for kind in kinds:
        made[f"{kind.resource.slug}-phases"] = f"{kind.resource.status.phases.diagram()}\n"
        made[f"{kind.resource.slug}-reasons"] = reasons(kind.decisions.reasons)
    return made


def regenerated(page: str, made: Mapping[str, str]) -> str:
    return _BLOCK.sub(lambda found: f"{found['begin']}{made[found['name']]}{found['end']}", page)


def files(root: Path, kinds: Sequence[AnyKind] = KINDS) -> dict[Path, str]:
    """Every generated file under `root` with the text it should have."""
    made = {root / page: regenerated((root / page).read_text(), blocks(kinds)) for page in PAGES}
    for kind in kinds:
        name = kind.name.lower()
        for folder in ("crds", "charts/platform/crds"):
            made[root / folder / f"{name}.yaml"] = crd(kind.resource)
        made[root / "gitops/health" / f"{name}.lua"] = health.lua(kind.resource, COMMAND)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file differs")
    parser.add_argument("--root", type=Path, default=Path(), help="the repository; the working directory by default")
    options = parser.parse_args()
    stale = {path: text for path, text in files(options.root).items() if not _holds(path, text)}
    if options.check and stale:
        sys.exit(f"out of date, run `{COMMAND}`: {', '.join(map(str, stale))}")
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


if __name__ == "__main__":
    main()
