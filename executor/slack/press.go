package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/narrative-go/narrative"
)

// interaction is what Slack sends, as far as it matters here.
// See https://docs.slack.dev/reference/interaction-payloads.
type interaction struct {
	Type        string `json:"type"`
	TriggerID   string `json:"trigger_id"`
	ResponseURL string `json:"response_url"`
	User        struct {
		ID string `json:"id"`
	} `json:"user"`
	Actions []pressedAction `json:"actions"`
	View    struct {
		ID       string `json:"id"`
		Callback string `json:"callback_id"`
		Private  string `json:"private_metadata"`
		State    struct {
			Values map[string]map[string]input `json:"values"`
		} `json:"state"`
	} `json:"view"`
}

type pressedAction struct {
	ID    string `json:"action_id"`
	TS    string `json:"action_ts"`
	Value string `json:"value"`
}

// input is what was put into a field of a form.
type input struct {
	Value    string `json:"value"`
	Selected *struct {
		Value string `json:"value"`
	} `json:"selected_option"`
}

// pressed answers a press of one of our buttons.
func (i *Interactions) pressed(w http.ResponseWriter, r *http.Request, in interaction) {
	for _, a := range in.Actions {
		form, opens := formOf(a.ID)
		if !opens && a.ID != pressChoose && a.ID != pressApprove {
			continue
		}
		var about value
		if err := json.Unmarshal([]byte(a.Value), &about); err != nil || about.Issue == "" || in.User.ID == "" {
			http.Error(w, "the button says nothing of an issue", http.StatusBadRequest)
			return
		}
		moment := ""
		if a.TS != "" {
			moment = "action/" + a.TS + "/" + in.User.ID
		}
		if !i.seen.first(i.Now(), triggerKey(in), moment) {
			return
		}
		i.later(w, r, in, in.ResponseURL, func(ctx context.Context, who narrative.Person) error {
			if opens {
				return i.Slack.web.openView(ctx, in.TriggerID, form.view(about, in.ResponseURL))
			}
			fields := map[string]any{"step_id": about.Step}
			name := narrative.SignalSolution
			if a.ID == pressApprove {
				name, fields["digest"] = narrative.SignalApprove, about.Digest
			}
			return i.act(ctx, about.Issue, name, fields, who)
		})
		return
	}
}

func triggerKey(in interaction) string {
	if in.TriggerID == "" {
		return ""
	}
	return "trigger/" + in.TriggerID
}

// later answers 200 and then does what was asked, where the one who asks may. Whatever keeps it from being done is told
// to them.
func (i *Interactions) later(w http.ResponseWriter, r *http.Request, in interaction, answerTo string, do func(context.Context, narrative.Person) error) {
	begun := i.jobs.begin(r.Context(), func(ctx context.Context) {
		who, err := i.person(ctx, in.User.ID)
		if err == nil {
			err = do(ctx, who)
		}
		if err != nil {
			i.Logger.WarnContext(ctx, "an interaction in Slack was not carried out", "user", in.User.ID, "error", err)
			i.whisper(ctx, answerTo, whyNot(err))
		}
	})
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	if begun {
		return
	}
	// Slack has its answer before the one who pressed has theirs.
	_ = http.NewResponseController(w).Flush()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), busyTime)
	defer cancel()
	i.whisper(ctx, answerTo, "Narrative is busy and did nothing; press again in a moment.")
}

// person returns the operator with that Slack account.
func (i *Interactions) person(ctx context.Context, id string) (narrative.Person, error) {
	operators, err := i.Operators(ctx)
	if err != nil {
		return narrative.Person{}, narrative.Errorf(narrative.Unavailable, "read who may act from Slack: %w", err)
	}
	for _, one := range operators {
		if one.Slack == id {
			return one, nil
		}
	}
	return narrative.Person{}, narrative.Errorf(narrative.Invalid,
		"you may not act on issues yet; to be allowed to, have yourself added in narrative.yaml under config.operators: {name: YOUR NAME, slack: %s}", id)
}

// act sends a signal in a person's name.
func (i *Interactions) act(ctx context.Context, issue string, name narrative.SignalName, fields map[string]any, who narrative.Person) error {
	fields["by"] = who.Name
	body, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	if _, err := narrative.DecodeSignal(name, body); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, actTime)
	defer cancel()
	err = i.Act(ctx, issue, name, body)
	i.Logger.InfoContext(ctx, "signal from Slack", "issue", issue, "signal", name, "by", who.Name, "error", err)
	return err
}

// whyNot is what somebody is told of what was not done.
func whyNot(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return ":warning: It took too long, and may or may not have been done: look at the issue before you press again."
	case narrative.KindOf(err) == narrative.Unavailable:
		return ":warning: Not done for now: " + clip(err.Error(), 2000) + ". Press again in a moment."
	case narrative.KindOf(err) == narrative.Internal:
		return ":warning: Something went wrong, and is in Narrative's log. Look at the issue before you press again."
	}
	return ":no_entry: Not done: " + clip(err.Error(), 2000)
}

// whisper shows a text to the one who pressed, and to nobody else.
func (i *Interactions) whisper(ctx context.Context, to, text string) {
	u, err := url.Parse(to)
	if err != nil || !i.mayAnswer(u) {
		i.Logger.WarnContext(ctx, "an interaction in Slack cannot be answered: its response_url is not Slack's")
		return
	}
	body, _ := json.Marshal(object{"response_type": "ephemeral", "replace_original": false, "text": text})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := i.Slack.web.http.Do(r)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // the outermost says the URL, by which anybody could answer
		}
		i.Logger.WarnContext(ctx, "an interaction in Slack could not be answered", "error", err)
		return
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		i.Logger.WarnContext(ctx, "an interaction in Slack could not be answered", "status", answer.StatusCode)
	}
}

// mayAnswer lets only Slack be answered, or what stands in for it.
func (i *Interactions) mayAnswer(u *url.URL) bool {
	return u.Scheme == "https" && strings.EqualFold(u.Host, "hooks.slack.com") || u.Host != "" && u.Host == i.Slack.web.host
}
