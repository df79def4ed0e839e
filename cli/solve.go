package cli

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

// maxPlan is the size of the largest plan that is read, in bytes.
const maxPlan = 1 << 20

func (p *program) issueSolveCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "solve ID (--step STEP | --plan FILE)", Short: "Carry out a step that was proposed, or a plan of your own", Args: takes("ID"),
		Example: "  narrative issue solve ID --step STEP\n" +
			`  echo '[{"action":"email","args":{"to":"ops@example.com","subject":"look","text":"…"}}]' | narrative issue solve ID --plan -`,
	}
	step := c.Flags().String("step", "", "the id of a step that the issue has (narrative issue show ID lists them)")
	plan := c.Flags().String("plan", "", "a file with a plan as JSON, or - for stdin")
	reason := c.Flags().String("reason", "", "why")
	return p.signalCommand(c, narrative.SignalSolution, "accepted; it is being carried out", func(cmd *cobra.Command, s *narrative.Signal, _ []string) error {
		if (*step == "") == (*plan == "") {
			return misused("%s needs exactly one of --step and --plan", cmd.CommandPath())
		}
		s.StepID, s.Reason = *step, *reason
		if *plan == "" {
			return nil
		}
		return p.readPlan(*plan, &s.Plan)
	})
}

func (p *program) readPlan(path string, into *narrative.Plan) error {
	text, err := p.readFile(path, maxPlan)
	if err != nil {
		return err
	}
	if err := narrative.DecodeArgs(text, into); err != nil {
		return misused(`%s is no plan, which is a JSON array such as [{"action": "email", "args": {…}}]: %w`, path, err)
	}
	if len(*into) == 0 {
		return misused("%s is a plan without any action", path)
	}
	return nil
}

// readFile reads a file that the user named, or stdin for -.
func (p *program) readFile(path string, limit int64) ([]byte, error) {
	from := p.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, misused("read the file: %w", err)
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, limit+1))
	switch {
	case err != nil:
		return nil, misused("read %s: %w", path, err)
	case int64(len(text)) > limit:
		return nil, misused("%s is larger than %d bytes", path, limit)
	}
	return text, nil
}
