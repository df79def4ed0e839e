package executor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"github.com/narrative-go/narrative"
)

// maxListed is how many proposals a message lists.
const maxListed = 50

type deferArgs struct {
	Subject string `json:"subject"`
	Message string `json:"message"`
	HTML    string `json:"html"` // default made from the message
}

func checkDefer(raw json.RawMessage) narrative.Problems {
	return narrative.ProblemsOf("", narrative.DecodeArgs(raw, &deferArgs{}))
}

func (e *Executor) deferToAdmins(ctx context.Context, call narrative.ActionCall) (string, error) {
	var args deferArgs
	if err := narrative.DecodeArgs(kept(call), &args); err != nil {
		return "", err
	}
	return e.tellAdmins(ctx, call, narrative.Message{Subject: args.Subject, Text: args.Message, HTML: args.HTML})
}

func (e *Executor) tellAdmins(ctx context.Context, call narrative.ActionCall, m narrative.Message) (string, error) {
	config, err := e.Store.Config(ctx)
	if err != nil {
		return "", fmt.Errorf("read who the admins are: %w", err)
	}
	to := distinct(config.Admins)
	if len(to.List()) == 0 {
		return "", narrative.Errorf(narrative.Invalid, "no admins are configured; name them in narrative.yaml under config.admins: email, slack or webhook")
	}
	return e.tell(ctx, call, to, m)
}

// distinct returns the recipients each once, addresses of mail without a name.
func distinct(r narrative.Recipients) narrative.Recipients {
	once := narrative.Recipients{Slack: r.Slack}
	for _, address := range r.Email {
		if a, err := mail.ParseAddress(address); err == nil {
			address = a.Address
		}
		if !slices.ContainsFunc(once.Email, func(other string) bool { return strings.EqualFold(other, address) }) {
			once.Email = append(once.Email, address)
		}
	}
	for _, address := range r.Webhook {
		if !slices.Contains(once.Webhook, address) {
			once.Webhook = append(once.Webhook, address)
		}
	}
	return once
}

type choiceArgs struct {
	AssertionDisplayName string          `json:"assertion_display_name"` // default the assertion's name
	ResolutionSteps      json.RawMessage `json:"resolution_steps"`       // ids, or objects with an id; default the newest round's proposals
}

func checkChoice(raw json.RawMessage) narrative.Problems {
	var args choiceArgs
	if err := narrative.DecodeArgs(raw, &args); err != nil {
		return narrative.ProblemsOf("", err)
	}
	_, p := args.steps()
	return p
}

// steps reads the ids, each once.
func (a choiceArgs) steps() (ids []string, p narrative.Problems) {
	if trimmed := bytes.TrimSpace(a.ResolutionSteps); len(trimmed) == 0 || bytes.Equal(trimmed, []byte("null")) {
		return nil, nil
	}
	var all []json.RawMessage
	if json.Unmarshal(a.ResolutionSteps, &all) != nil {
		return nil, oneProblem("resolution_steps", "must be a list of ids, or of objects with an id")
	}
	if len(all) > maxListed {
		return nil, oneProblem("resolution_steps", "has %d entries; at most %d fit", len(all), maxListed)
	}
	for i, one := range all {
		var id string
		var step struct {
			ID string `json:"id"`
		}
		if json.Unmarshal(one, &id) != nil && json.Unmarshal(one, &step) == nil {
			id = step.ID
		}
		switch {
		case id == "":
			p = append(p, oneProblem(index("resolution_steps", i), "must be an id, or an object with an id")...)
		case !slices.Contains(ids, id):
			ids = append(ids, id)
		}
	}
	return ids, p
}

func (e *Executor) deferMultipleSolutions(ctx context.Context, call narrative.ActionCall) (string, error) {
	var args choiceArgs
	if err := narrative.DecodeArgs(kept(call), &args); err != nil {
		return "", err
	}
	if call.Issue == nil {
		return "", narrative.Errorf(narrative.Invalid, "there is no issue to choose a solution of: an occurrence has no proposals")
	}
	steps, err := args.proposals(call)
	if err != nil {
		return "", err
	}
	return e.tellAdmins(ctx, call, choice(*call.Issue, args.AssertionDisplayName, steps))
}

// proposals are the steps named; else those of the newest round that can be chosen, which the step that this very
// action belongs to cannot.
func (a choiceArgs) proposals(call narrative.ActionCall) (steps []narrative.ResolutionStep, err error) {
	ids, p := a.steps()
	if err := p.Err(); err != nil {
		return nil, err
	}
	i := call.Issue
	if ids == nil {
		for _, s := range i.Steps {
			if s.Round >= i.Rounds && choosable(s) && !strings.HasPrefix(call.Key, s.Solution.ID+"/") {
				steps = append(steps, s)
			}
		}
		if len(steps) == 0 {
			return nil, narrative.Errorf(narrative.Invalid, "issue %s has no proposals to choose from", i.ID)
		}
		return steps[:min(len(steps), maxListed)], nil
	}
	for _, id := range ids {
		s, ok := i.Step(id)
		switch {
		case !ok:
			p = append(p, oneProblem("resolution_steps", "issue %s has no step %s", i.ID, id)...)
		case s.Solution == nil:
			p = append(p, oneProblem("resolution_steps", "step %s proposes no plan", id)...)
		default:
			steps = append(steps, s)
		}
	}
	return steps, p.Err()
}

func choosable(s narrative.ResolutionStep) bool {
	switch s.State {
	case narrative.StepRunning, narrative.StepApplied, narrative.StepRejected:
		return false
	}
	return s.Action == narrative.Exec && s.Solution != nil
}

// choice asks which of the proposals is to be carried out.
func choice(i narrative.Issue, display string, steps []narrative.ResolutionStep) narrative.Message {
	title := i.Name()
	if display != "" && display != i.Assertion {
		title = oneLine(display) + " (" + title + ")"
	}
	proposals := "1 proposal"
	if len(steps) != 1 {
		proposals = fmt.Sprintf("%d proposals", len(steps))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s fails, and there are several ways to repair it: choose one.\n\n%s\n", title, i.Summary)
	for _, s := range steps {
		by := s.Case
		if by == "" {
			by = "a person"
		}
		fmt.Fprintf(&b, "\nStep %s (%s), proposed by %s: %s\n    plan: %s\n", s.ID, s.State, by, s.Reason, planned(s.Solution.Plan))
		if s.State == narrative.StepAwaitingApproval {
			fmt.Fprintf(&b, "    to approve it: narrative issue approve %s --step %s --digest %s\n", i.ID, s.ID, s.Digest)
			continue
		}
		fmt.Fprintf(&b, "    to carry it out: narrative issue solve %s --step %s\n", i.ID, s.ID)
	}
	fmt.Fprintf(&b, "\nAssertion: %s\nIssue: %s\nThe whole story: narrative issue explain %s\n", i.Assertion, i.ID, i.ID)
	return narrative.Message{Subject: "[Choice] " + i.Name() + ": " + proposals, Text: b.String()}
}

func planned(p narrative.Plan) string {
	names := make([]string, len(p))
	for n, a := range p {
		names[n] = a.Action
	}
	return strings.Join(names, ", ")
}
