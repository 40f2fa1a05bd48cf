"""How far the doctor agrees with the test suites of others. They are not copied: the folder that MESHTUI_CORPORA names
is read in place, and without it there is nothing to agree with. `python -m tests.corpora` prints the agreement."""
