#!/usr/bin/env bash
# DAWproject 1.0 (Project.xsd of github.com/bitwig/dawproject, commit ee4dcdd): names that its own
# documentation spells otherwise.
#
# Guess: a timeline of markers is an element "Markers" wherever timelines may stand, as in the README and
# beside Lanes; a note without a channel is valid, as the channel of the Java class is not required; and
# the children of an Arrangement come in any order.
#
# Behaviour: inside Lanes only "markers" in lower case is valid (the class has no name of its own for a
# root element), "Markers" only as a child of Arrangement; "channel" is required; Arrangement wants Lanes,
# Markers, TempoAutomation, TimeSignatureAutomation in this order; and Markers without a Marker is invalid.
#
# Seen: as written True; Markers in Lanes False; markers in Lanes True; note without channel False; Markers
# first False; empty Markers False.
#
# Jasco: jasco/session/dawproject.py writes sections as Markers of the Arrangement, in its order.
set -euo pipefail

schema="$(cd "$(dirname "$0")/.." && pwd)/tests/session/dawproject/Project.xsd"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check xmlschema==4.3.2

"$folder/venv/bin/python" - "$schema" <<'PYTHON'
import sys

import xmlschema

schema = xmlschema.XMLSchema(sys.argv[1])
mark = '<Marker time="0.0" name="Verse"/>'
note = '<Notes><Note time="0.0" duration="1.0" key="60" channel="0"/></Notes>'
lanes = f'<Lanes timeUnit="beats">{note}</Lanes>'
cases = {
    "as written": (f"{lanes}<Markers>{mark}</Markers>", True),
    "Markers in Lanes": (f"<Lanes><Markers>{mark}</Markers></Lanes>", False),
    "markers in Lanes": (f"<Lanes><markers>{mark}</markers></Lanes>", True),
    "note without channel": (lanes.replace(' channel="0"', ""), False),
    "Markers first": (f"<Markers>{mark}</Markers>{lanes}", False),
    "empty Markers": (f"{lanes}<Markers/>", False),
}
changed = False
for name, (inner, wanted) in cases.items():
    text = f"<Arrangement>{inner}</Arrangement>"
    document = f'<Project version="1.0"><Application name="x" version="1"/>{text}</Project>'
    found = schema.is_valid(document)
    print(f"{name}: {found}")
    changed |= found != wanted
sys.exit(changed)
PYTHON
