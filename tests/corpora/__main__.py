"""Prints the agreement with the test suites of others, case by case where it is not whole."""

from __future__ import annotations

from tests.corpora import analyze


def main() -> None:
    found = [analyze.agreement(case) for case in analyze.cases()]
    expected = sum(len(each.expected) for each in found)
    missed = sum(len(each.missed) for each in found)
    extra = sum(len(each.extra) for each in found)
    print(
        f"analyze: {len(found)} cases, {expected} expected, {expected - missed} found, {extra} extra"
    )
    for each in found:
        if not each.there:
            print(f"  {each.case}: no {each.analyzer} here")
        for says in each.failed:
            print(f"  {each.case}: {says}")
        for code, resource in sorted(each.missed):
            print(f"  {each.case}: missed {code} {resource}")
        for code, resource in sorted(each.extra):
            print(f"  {each.case}: extra {code} {resource}")


if __name__ == "__main__":
    main()
