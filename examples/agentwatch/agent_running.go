package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// AgentRunningAssertion holds while the agent goes on telling that it is alive (`narrative heartbeat AGENT`, or a POST
// to /api/v1/heartbeats/AGENT).
type AgentRunningAssertion struct{ agentRunningArgs }

// agentRunningArgs are its arguments in narrative.yaml.
type agentRunningArgs struct {
	Agent      string             `json:"agent"`       // the heartbeat's name
	QuietAfter narrative.Duration `json:"quiet_after"` // how old the newest heartbeat may be
	DevOps     string             `json:"devops"`      // who is told first
	Manager    string             `json:"manager"`     // who is told next
	Jobs       string             `json:"jobs"`        // the folder of the agent's jobs; empty: nothing to clean up
}

var (
	_ narrative.Assertion     = AgentRunningAssertion{}
	_ narrative.Diagnoser     = AgentRunningAssertion{}
	_ narrative.Recoverer     = AgentRunningAssertion{}
	_ narrative.Relocator     = (*agentRunningArgs)(nil)
	_ narrative.ArgsValidator = (*agentRunningArgs)(nil)
)

func newAgentRunning(args agentRunningArgs) (narrative.Assertion, error) {
	return AgentRunningAssertion{args}, nil
}

// ValidateArgs refuses what the meta could not work with.
func (a *agentRunningArgs) ValidateArgs() (p narrative.Problems) {
	for field, value := range map[string]string{"agent": a.Agent, "devops": a.DevOps, "manager": a.Manager} {
		if value == "" {
			p = append(p, narrative.Problem{Path: field, Message: "is required"})
		}
	}
	if a.QuietAfter <= 0 {
		p = append(p, narrative.Problem{Path: "quiet_after", Message: "must be a duration such as 5m"})
	}
	return p
}

// Relocate finds the folder beside narrative.yaml.
func (a *agentRunningArgs) Relocate(dir string) {
	if a.Jobs != "" && !filepath.IsAbs(a.Jobs) {
		a.Jobs = filepath.Join(dir, a.Jobs)
	}
}

// Check looks for the newest heartbeat.
func (a AgentRunningAssertion) Check(ctx context.Context) (narrative.Verdict, error) {
	datums, err := narrative.ReadDatums(ctx)
	if err != nil {
		return narrative.Verdict{}, err
	}
	beats, err := datums.Datums(ctx, narrative.DatumQuery{Origin: narrative.HeartbeatOrigin, Name: a.Agent}, narrative.Page{Limit: 1})
	if err != nil {
		return narrative.Verdict{}, err
	}
	if len(beats.Items) == 0 {
		return narrative.Failed("%s was never heard of", a.Agent), nil
	}
	last := beats.Items[0].At
	if age := time.Since(last); age > time.Duration(a.QuietAfter) {
		return narrative.Failed("%s has been quiet since %s", a.Agent, last.Format(time.RFC3339)), nil
	}
	return narrative.Passed("%s is alive", a.Agent), nil
}

// DiagnosticCases are what can be the matter: the agent is quiet, and somebody has to look.
func (a AgentRunningAssertion) DiagnosticCases() []narrative.DiagnosticCase {
	return []narrative.DiagnosticCase{{Name: "agent_quiet", Diagnose: a.agentQuiet}}
}

// agentQuiet tells devops, then the manager, and then waits.
func (a AgentRunningAssertion) agentQuiet(_ context.Context, i narrative.Issue) (*narrative.ResolutionStep, error) {
	step := narrative.Escalate(i,
		a.tell(a.DevOps, "Agent %s is quiet", i.Summary+". Please see whether it runs."),
		a.tell(a.Manager, "Agent %s is still quiet", i.Summary+". Devops was told, and nothing has changed since."),
	)
	if step == nil {
		step = narrative.PassStep("devops and the manager were told; waiting for the agent")
	}
	return step, nil
}

func (a AgentRunningAssertion) tell(who, subject, text string) func([]narrative.ResolutionStep) *narrative.ResolutionStep {
	return func([]narrative.ResolutionStep) *narrative.ResolutionStep {
		return narrative.ExecStep(text, narrative.Do("email", map[string]string{
			"to": who, "subject": fmt.Sprintf(subject, a.Agent), "text": text,
		}))
	}
}

// Recovered gives back the jobs that the agent had claimed when it went quiet: JOB.claimed becomes JOB.queued. It is safe
// to repeat, and writes down what it did.
func (a AgentRunningAssertion) Recovered(ctx context.Context, i narrative.Issue) error {
	var requeued []string
	claimed, err := filepath.Glob(filepath.Join(a.Jobs, "*.claimed"))
	if err != nil || a.Jobs == "" {
		return err
	}
	for _, path := range claimed {
		job := strings.TrimSuffix(path, ".claimed")
		if err := os.Rename(path, job+".queued"); err != nil {
			return fmt.Errorf("give back %s: %w", filepath.Base(job), err)
		}
		requeued = append(requeued, filepath.Base(job))
	}
	note, err := json.Marshal(map[string]any{"issue": i.ID, "requeued": requeued})
	if err != nil {
		return err
	}
	return narrative.Log(ctx, narrative.Datum{Origin: "agentwatch", Name: "cleanup", Note: note})
}
