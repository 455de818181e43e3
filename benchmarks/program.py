"""The Python program that does what the command does with a flow file: it runs the flow and prints the answer.

python benchmarks/program.py FILE.flow INPUTS.json
"""

import json
import pathlib
import sys

import flowrun

inputs = json.loads(pathlib.Path(sys.argv[2]).read_text())
print(flowrun.run(sys.argv[1], inputs, options=flowrun.RunOptions(journal="journal.db")).value, flush=True)
