// Agentwatch is a team's own Narrative: the service and the command line in one, with two classes of theirs. It watches
// an agent that runs elsewhere, and the processes that the agent works on.
package main

import (
	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/cli"
	"github.com/narrative-go/narrative/devserver"
)

func main() {
	reg := narrative.NewRegistry()
	narrative.AddAssertion(reg, "agentwatch.AgentRunning", newAgentRunning)
	narrative.AddEvent(reg, "agentwatch.ProcessingFailed", newProcessingFailed)
	cli.Main(reg, cli.WithEmbedded(devserver.Embedded))
}
