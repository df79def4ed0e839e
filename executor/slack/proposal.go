package slack

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/narrative-go/narrative"
)

const (
	// maxProposals is how many proposals a card shows.
	maxProposals = 5
	// shownDigest is how much of a digest is shown on a card, in characters.
	shownDigest = 12
)

// The ids of what may be pressed. Those of the buttons of people's own messages are none of these.
const (
	pressChoose      = "narrative_choose"
	pressApprove     = "narrative_approve"
	pressReject      = "narrative_reject"
	pressAcknowledge = "narrative_acknowledge"
	pressSnooze      = "narrative_snooze"
	pressWontFix     = "narrative_wont_fix"
	pressResolve     = "narrative_resolve"
)

// value is what a button is about.
type value struct {
	Issue  string `json:"issue"`
	Step   string `json:"step,omitempty"`
	Digest string `json:"digest,omitempty"`
	Name   string `json:"name,omitempty"` // the issue's, for a form
}

// choosable are the proposals that a person may choose, those of the newest round, newest first, as messages list them.
func choosable(i narrative.Issue) (steps []narrative.ResolutionStep) {
	for n := len(i.Steps) - 1; n >= 0; n-- {
		s := i.Steps[n]
		if s.Action != narrative.Exec || s.Solution == nil || s.State == narrative.StepApplied || s.State == narrative.StepRejected || s.Round < i.Rounds {
			continue
		}
		steps = append(steps, s)
	}
	return steps
}

// proposals are blocks that show what may be chosen.
func proposals(i narrative.Issue) []any {
	steps, blocks := choosable(i), []any{}
	for _, s := range steps[:min(len(steps), maxProposals)] {
		blocks = append(blocks, section(proposal(s)))
		if buttons := stepButtons(i, s); len(buttons) > 0 {
			blocks = append(blocks, object{"type": "actions", "block_id": blockID("step", i.ID, s.ID), "elements": buttons})
		}
	}
	if more := len(steps) - maxProposals; more > 0 {
		blocks = append(blocks, small(fmt.Sprintf("and %d more: `narrative issue explain %s`", more, line(i.ID, 100))))
	}
	return blocks
}

// blockID names a block of a message after what it is about.
func blockID(parts ...string) string {
	id := strings.Join(parts, "/")
	if len(id) > 255 {
		return narrative.HashText(id)
	}
	return id
}

func proposal(s narrative.ResolutionStep) string {
	proposer := "a person"
	if s.Case != "" {
		proposer = line(s.Case, 100)
	}
	said := fmt.Sprintf("*%s* (%s): %s\nplan: %s · digest `%.*s`", proposer, stateWords(s.State), clip(s.Reason, 400),
		planNames(s, 400), shownDigest, s.Digest)
	if s.Solution.Error != "" {
		said += "\nfailed: " + clip(s.Solution.Error, 300)
	}
	return said
}

func stateWords(s narrative.StepState) string { return strings.ReplaceAll(string(s), "_", " ") }

// planNames are the names of a plan's actions, in order.
func planNames(s narrative.ResolutionStep, most int) string {
	names := make([]string, len(s.Solution.Plan))
	for n, a := range s.Solution.Plan {
		names[n] = a.Action
	}
	if len(names) == 0 {
		return "nothing"
	}
	return line(strings.Join(names, ", "), most)
}

// stepButtons are what may be done about a proposal; none while it is being carried out.
func stepButtons(i narrative.Issue, s narrative.ResolutionStep) []any {
	about := value{Issue: i.ID, Step: s.ID}
	switch s.State {
	case narrative.StepRunning:
		return nil
	case narrative.StepAwaitingApproval:
		about.Digest = s.Digest
		approve := button(pressApprove, "Approve", "primary", about)
		approve["confirm"] = object{
			"title": plain("Approve this plan?"), "text": mrkdwn(confirmation(s)),
			"confirm": plain("Approve"), "deny": plain("Cancel"),
		}
		about.Name = shortName(i)
		return []any{approve, button(pressReject, "Reject", "danger", about)}
	}
	return []any{button(pressChoose, "Carry out", "primary", about)}
}

// confirmation is what is asked before a plan is approved: what it is bound to stands in it whole.
func confirmation(s narrative.ResolutionStep) string {
	digest := "\ndigest: " + line(s.Digest, 100)
	return "plan: " + planNames(s, maxConfirm-len("plan: ")-len(digest)) + digest
}

// shortName is an issue's name, short enough for a button's value.
func shortName(i narrative.Issue) string {
	name := []rune(strings.Join(strings.Fields(i.Name()), " "))
	return string(name[:min(len(name), 100)])
}

func button(action, text, style string, v value) object {
	encoded, _ := json.Marshal(v) // strings always encode
	if len(encoded) > maxValue {
		v.Name = ""
		encoded, _ = json.Marshal(v)
	}
	b := object{"type": "button", "action_id": action, "text": plain(line(text, maxButton)), "value": string(encoded)}
	if style != "" {
		b["style"] = style
	}
	return b
}

// attendButtons are what may be done about an issue as a whole.
func attendButtons(i narrative.Issue) object {
	about := value{Issue: i.ID, Name: shortName(i)}
	return object{"type": "actions", "block_id": blockID("issue", i.ID), "elements": []any{
		button(pressAcknowledge, "Acknowledge", "", about),
		button(pressSnooze, "Snooze", "", about),
		button(pressResolve, "Resolve", "", about),
		button(pressWontFix, "Won't fix", "danger", about),
	}}
}
