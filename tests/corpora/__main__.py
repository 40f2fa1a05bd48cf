"""Prints the agreement with the test suites of others, case by case where it is not whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.corpora import analyze, authorization, gateway_status, kiali, validation
from tests.corpora.analyze import Agreement


def main() -> None:
    _print("analyze", [analyze.agreement(case) for case in analyze.cases()], {})
    _print("kiali", [kiali.agreement(case) for case in kiali.cases()], kiali.DIFFERS)
    _print_authorization()
    _print_gateway_status()
    _print_validation()


def _print_gateway_status() -> None:
    agreed = 0
    for case in gateway_status.CASES:
        found, wanted = gateway_status.compared(case)
        agreed += found.keys() == wanted.keys()
        for key in sorted(found.keys() ^ wanted.keys()):
            print(f"  {case['name']}: {'missed' if key in wanted else 'extra'} {' '.join(key)}")
    print(f"gateway-status: {len(gateway_status.CASES)} cases, {agreed} agree")


def _print_validation() -> None:
    if why := validation.why_not():
        print(f"validation: not run: {why}")
        return
    found = validation.verdicts()
    print(f"validation: {len(found)} cases, {sum(each.agrees for each in found)} agree")
    for each in found:
        if not each.agrees:
            said = "; ".join(it.refused or it.unknown for it in each.tried) or "accepted"
            print(
                f"  {each.case.id}: expected {'accepted' if each.case.valid else 'rejected'}: {said}"
            )


def _print(suite: str, found: Sequence[Agreement], differs: Mapping[str, str]) -> None:
    expected = sum(len(each.expected) for each in found)
    missed = sum(len(each.missed) for each in found)
    extra = sum(len(each.extra) for each in found)
    print(
        f"{suite}: {len(found)} cases, {expected} expected, {expected - missed} found, {extra} extra"
    )
    for each in found:
        why = f" ({differs[each.case]})" if each.case in differs else ""
        if not each.there:
            print(f"  {each.case}: no {each.analyzer} here")
        for says in each.failed:
            print(f"  {each.case}: {says}")
        for code, resource in sorted(each.missed):
            print(f"  {each.case}: missed {code} {resource}{why}")
        for code, resource in sorted(each.extra):
            print(f"  {each.case}: extra {code} {resource}{why}")


def _print_authorization() -> None:
    for family in authorization.FAMILIES:
        found = [authorization.compared(family, *each) for each in authorization.cases(family)]
        agreed = sum(each.agrees for each in found)
        print(f"authorization/{family}: {len(found)} cases, {agreed} agree")
        for each in found:
            if not each.agrees:
                print(f"  {each.case}: {authorization.DIFFERS.get(each.case, 'no reason known')}")
                print(f"    expected {each.expected}, found {each.found}")


if __name__ == "__main__":
    main()
