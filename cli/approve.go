package cli

import (
	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

func (p *program) issueApproveCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "approve ID [--step STEP] [--digest DIGEST]", Short: "Carry out a plan that waits for approval", Args: takes("ID"),
		Long: "Carry out a plan that waits for approval. What is approved is the plan of that digest: where the case proposes\n" +
			"another one by now, nothing is carried out. On a terminal the plan is shown, and asked about, where no digest is given.",
	}
	step := c.Flags().String("step", "", "the id of the step; default the one that waits for approval")
	digest := c.Flags().String("digest", "", "the digest of its plan (narrative issue show ID tells it)")
	reason := c.Flags().String("reason", "", "why")
	return p.signalCommand(c, narrative.SignalApprove, "approved; it is being carried out", func(cmd *cobra.Command, s *narrative.Signal, args []string) error {
		s.StepID, s.Digest, s.Reason = *step, *digest, *reason
		if s.Digest == "" && !p.Terminal {
			return misused("%s needs --digest, since nobody is at a terminal to look at the plan; narrative issue show %s tells the plan and its digest",
				cmd.CommandPath(), args[0])
		}
		if s.StepID != "" && s.Digest != "" {
			return nil
		}
		i, err := p.issue(cmd, args[0])
		if err != nil {
			return err
		}
		if err := waiting(i, s); err != nil || s.Digest != "" {
			return err
		}
		return p.askApproval(cmd, i, s)
	})
}

// waiting makes the signal one for the step that waits for approval, where it names none.
func waiting(i narrative.Issue, s *narrative.Signal) error {
	switch {
	case s.StepID != "":
	case i.Status.Closed():
		return failed("issue %s is closed (%s); nothing waits for approval", i.ID, i.Status)
	case i.Awaiting == nil || i.Awaiting.For != narrative.AwaitingApproval:
		return failed("no step of issue %s waits for approval; narrative issue show %s tells how it stands", i.ID, i.ID)
	default:
		s.StepID = i.Awaiting.StepID
	}
	return nil
}

// askApproval shows the plan to the person at the terminal, whose yes approves its digest.
func (p *program) askApproval(cmd *cobra.Command, i narrative.Issue, s *narrative.Signal) error {
	step, _ := i.Step(s.StepID)
	s.Digest = step.Digest
	if err := s.Check(i, p.Now()); err != nil {
		return err // as the API would answer
	}
	w := cmd.ErrOrStderr()
	printHead(w, [][2]string{{"Issue", i.ID}, {"About", i.Name()}, {"Summary", i.Summary}})
	printPlan(w, step)
	yes, err := p.confirmed(cmd.Context(), "Carry it out?")
	if err == nil && !yes {
		return failed("not approved; nothing was changed")
	}
	return err
}

func (p *program) issueRejectCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "reject ID [--step STEP] --reason REASON", Short: "Refuse a plan that waits for approval: the issue waits for another choice", Args: takes("ID"),
	}
	step := c.Flags().String("step", "", "the id of the step; default the one that waits for approval")
	reason := c.Flags().String("reason", "", "why; required")
	return p.signalCommand(c, narrative.SignalReject, "rejected; its plan is not carried out", func(cmd *cobra.Command, s *narrative.Signal, args []string) error {
		if *reason == "" {
			return misused("%s needs --reason", cmd.CommandPath())
		}
		s.StepID, s.Reason = *step, *reason
		if s.StepID != "" {
			return nil
		}
		i, err := p.issue(cmd, args[0])
		if err != nil {
			return err
		}
		return waiting(i, s)
	})
}
