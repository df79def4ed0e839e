package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

func (a *api) signalRoutes() {
	const path = "/api/v1/issues/{id}"
	refusals := []int{http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable}
	add(a, route{
		method: http.MethodPost, path: path + "/{signal}", id: "signal-issue", tag: "issues",
		summary: "Send a person's signal to an issue; answered once it was accepted",
		errors:  refusals, body: a.signalBody(),
	}, a.signalIssue)
	for _, p := range a.operation(http.MethodPost, path+"/{signal}").Parameters {
		if p.Name == "signal" {
			p.Description = "One of " + signalNames()
		}
	}
	add(a, route{
		method: http.MethodPost, path: path + "/reopen", id: "reopen-issue", tag: "issues",
		summary: "Let checks open another issue where this one, which is closed, kept them away",
		errors:  refusals,
		body: &huma.RequestBody{
			Description: "Who says so, and why; may be left out", Content: exampleContent(schemaOf[Reopening](a), "reopen", "Who and why", `{"by": "ann", "reason": "it matters after all"}`),
		},
	}, a.reopenIssue)
}

// SignalInput is a signal to an issue.
type SignalInput struct {
	ID      string `path:"id"`
	Signal  string `path:"signal"`
	Payload payload
}

func (a *api) signalIssue(ctx context.Context, in *SignalInput) (*answer[narrative.Issue], error) {
	body, err := in.Payload.readJSON(maxBody)
	if err != nil {
		return nil, err
	}
	name := narrative.SignalName(in.Signal)
	signal, err := narrative.DecodeSignal(name, body)
	if err != nil {
		return nil, err
	}
	i, err := a.issue(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := signal.Check(i, a.now()); err != nil {
		return nil, err
	}
	if body, err = signedBy(ctx, body, signal.By); err != nil {
		return nil, err
	}
	if err := a.Operator.Signal(ctx, i, name, json.RawMessage(body)); err != nil {
		return nil, err
	}
	return a.getIssue(ctx, &IssueInput{ID: i.ID})
}

// signedBy returns a signal's payload with who sends it; given is who it says.
func signedBy(ctx context.Context, body []byte, given string) ([]byte, error) {
	if len(body) == 0 {
		body = []byte("{}")
	}
	sender := by(ctx, given)
	if sender == given {
		return body, nil
	}
	var payload map[string]json.RawMessage // which keeps what else there is as it is
	if err := json.Unmarshal(body, &payload); err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(sender)
	if err != nil {
		return nil, err
	}
	if payload == nil { // the body was null
		payload = map[string]json.RawMessage{}
	}
	payload["by"] = encoded
	return json.Marshal(payload)
}

// ReopenInput asks for a closed issue to be reopened.
type ReopenInput struct {
	ID      string `path:"id"`
	Payload payload
}

// Reopening is who reopens an issue, and why.
type Reopening struct {
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

func (a *api) reopenIssue(ctx context.Context, in *ReopenInput) (*answer[narrative.Issue], error) {
	body, err := in.Payload.readJSON(maxBody)
	if err != nil {
		return nil, err
	}
	var r Reopening
	if err := narrative.DecodeArgs(body, &r); err != nil {
		return nil, err
	}
	if err := signalText(map[string]string{"by": r.By, "reason": r.Reason}).Err(); err != nil {
		return nil, err
	}
	r.By = by(ctx, r.By)
	i, err := a.issue(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	reopened := i
	if _, err := reopened.Reopen(r.By, r.Reason, a.now()); err != nil {
		return nil, err
	}
	if err := a.Operator.Reopen(ctx, i, r.By, r.Reason); err != nil {
		return nil, err
	}
	return a.getIssue(ctx, &IssueInput{ID: i.ID})
}

// maxSignalText is the most bytes of a text that a signal carries.
const maxSignalText = 64 << 10

// signalText refuses what no signal may carry, by field.
func signalText(fields map[string]string) narrative.Problems {
	p := textProblems(fields)
	for _, name := range []string{"by", "reason"} {
		if len(fields[name]) > maxSignalText {
			p = append(p, narrative.Problem{Path: name, Message: "is longer than 64 KiB"})
		}
	}
	return p
}

// signalDocs say what each signal takes besides by, and does, with a payload as it may be sent.
var signalDocs = map[narrative.SignalName]struct{ takes, does, example string }{
	narrative.SignalSolution: {
		"exactly one of `step_id` and `plan`, and `reason`", "carries out a step's plan, or one brought along",
		`{"by": "ann", "plan": [{"action": "webhook", "args": {"url": "https://shop.internal/recalculate"}}], "reason": "as in June"}`,
	},
	narrative.SignalResolve: {"`reason`", "closes the issue as resolved", `{"by": "ann", "reason": "fixed by hand"}`},
	narrative.SignalWontFix: {
		"`reason` (required) and `until`", "closes the issue and keeps new ones of its kind away, until then or for ever",
		`{"by": "ann", "reason": "known and harmless", "until": "2027-01-31T00:00:00Z"}`,
	},
	narrative.SignalComment: {"`text` (required)", "writes on the timeline", `{"by": "ann", "text": "looking at it"}`},
	narrative.SignalApprove: {
		"`step_id` and `digest` (both required: the step that waits, and the digest of its plan as it was seen) and `reason`",
		"carries out a plan that waits for approval; a digest that is not the plan's is refused",
		`{"by": "ann", "step_id": "01992f6e-5c1b-7000-8000-000000000001", "digest": "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"}`,
	},
	narrative.SignalReject: {
		"`step_id` and `reason` (both required) and `digest`", "refuses a plan that waits for approval",
		`{"by": "ann", "step_id": "01992f6e-5c1b-7000-8000-000000000001", "reason": "not during the sale"}`,
	},
	narrative.SignalAcknowledge: {
		"`reason` and `until`", "says that a person sees to it: no rounds of diagnosis, and nobody is told again, until then, until it recovers, or until its reason or severity changes",
		`{"by": "ann", "reason": "looking at it", "until": "2027-01-31T18:00:00Z"}`,
	},
	narrative.SignalSnooze: {
		"exactly one of `until` and `for` (such as 2h), and `reason`", "leaves the issue alone for a while", `{"by": "ann", "for": "2h", "reason": "the import is running"}`,
	},
	narrative.SignalDiagnose: {"`reason`", "begins a round of diagnosis now", `{"by": "ann"}`},
}

// signalBody describes the payloads of the signals together, each with an example.
func (a *api) signalBody() *huma.RequestBody {
	var text strings.Builder
	text.WriteString("What the signal takes; each takes `by`, who says so, besides:\n")
	examples := map[string]*huma.Example{}
	for _, name := range narrative.SignalNames {
		d := signalDocs[name]
		text.WriteString("\n- `" + string(name) + "`: " + d.takes + "; " + d.does)
		examples[string(name)] = &huma.Example{Summary: string(name) + ": " + d.does, Value: json.RawMessage(d.example)}
	}
	return &huma.RequestBody{
		Description: text.String(),
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schemaOf[narrative.Signal](a), Examples: examples}},
	}
}

func signalNames() string {
	names := make([]string, len(narrative.SignalNames))
	for i, n := range narrative.SignalNames {
		names[i] = string(n)
	}
	return strings.Join(names, ", ")
}
