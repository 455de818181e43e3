"""The parts of a flow that a test can reach: asks, branches, error policies, and answers that the flow tells apart."""
