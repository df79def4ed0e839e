package executor

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"github.com/narrative-go/narrative"
)

type emailArgs struct {
	To      json.RawMessage `json:"to"` // "a@example.com, b@example.com" or a list
	Subject string          `json:"subject"`
	Text    string          `json:"text"`
	HTML    string          `json:"html"`
}

func checkEmail(raw json.RawMessage) narrative.Problems {
	var args emailArgs
	if err := narrative.DecodeArgs(raw, &args); err != nil {
		return narrative.ProblemsOf("", err)
	}
	_, p := addresses(args.To, true)
	if args.Subject == "" && args.Text == "" && args.HTML == "" {
		p = append(p, oneProblem("text", "give at least one of subject, text and html")...)
	}
	return p
}

// addresses reads the addresses, each once. Where a template may still have to be filled, it is let be.
func addresses(raw json.RawMessage, unfilled bool) (found []string, p narrative.Problems) {
	var many []string
	if json.Unmarshal(raw, &many) != nil {
		var one string
		if len(raw) > 0 && json.Unmarshal(raw, &one) != nil {
			return nil, oneProblem("to", "must be an address, several with commas between them, or a list of addresses")
		}
		many = []string{one}
	}
	seen := map[string]bool{}
	for _, text := range many {
		if narrative.HasReference(text) {
			p = append(p, oneProblem("to", "cannot refer to the environment or a file: who is told is kept in the store")...)
			continue
		}
		if strings.TrimSpace(text) == "" || unfilled && open(text) {
			continue
		}
		list, err := mail.ParseAddressList(text)
		if err != nil {
			p = append(p, oneProblem("to", "%q is not a mail address", text)...)
			continue
		}
		for _, a := range list {
			if key := strings.ToLower(a.Address); !seen[key] {
				seen[key] = true
				found = append(found, a.Address)
			}
		}
	}
	if len(p) == 0 && strings.TrimSpace(strings.Join(many, "")) == "" {
		p = oneProblem("to", "is required: an address, several with commas between them, or a list of addresses")
	}
	return found, p
}

func (e *Executor) email(ctx context.Context, call narrative.ActionCall) (string, error) {
	var args emailArgs
	if err := narrative.DecodeArgs(kept(call), &args); err != nil {
		return "", err
	}
	to, p := addresses(args.To, false)
	if err := p.Err(); err != nil {
		return "", err
	}
	return e.tell(ctx, call, narrative.Recipients{Email: to}, narrative.Message{Subject: args.Subject, Text: args.Text, HTML: args.HTML})
}

// tell writes one notification per recipient and wakes what sends them. It does not wait for their delivery.
func (e *Executor) tell(ctx context.Context, call narrative.ActionCall, to narrative.Recipients, m narrative.Message) (string, error) {
	m = named(m, call)
	now, issue := e.Now().UTC(), ""
	if call.Issue != nil {
		issue = call.Issue.ID
	}
	var rows []narrative.Notification
	var told []string
	for _, one := range to.List() {
		rows = append(rows, narrative.Notification{
			ID: narrative.NewID(now), Key: narrative.NotificationKey(call.Key, narrative.NotifyAction, one.Channel, one.Address),
			IssueID: issue, Kind: narrative.NotifyAction, Channel: one.Channel, Recipient: one.Address, Message: m,
			State: narrative.NotificationPending, CreatedAt: now,
		})
		told = append(told, called(one))
	}
	if err := e.Store.AddNotifications(ctx, rows); err != nil {
		return "", fmt.Errorf("write down whom %s tells: %w", call.Action.Action, err)
	}
	if err := e.Wake(ctx, messages(rows)); err != nil {
		e.Logger.WarnContext(ctx, "notifications will be sent later", "action", call.Action.Action, "key", call.Key, "error", err)
	}
	return "told " + strings.Join(told, ", "), nil
}

// messages are the keys of the messages that the notifications are part of, each once.
func messages(rows []narrative.Notification) (keys []string) {
	for _, n := range rows {
		key := n.Batch
		if key == "" {
			key = n.Key
		}
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// called is how a receipt names a recipient: of a URL it says the host only.
func called(r narrative.Recipient) string {
	if r.Channel != narrative.ChannelWebhook {
		return r.Address
	}
	if u, err := url.Parse(r.Address); err == nil && u.Host != "" && !narrative.HasReference(u.Host) {
		return "a webhook at " + u.Host
	}
	return "a webhook"
}

// named makes the message name the assertion or event in subject and text, and say where the whole story is.
func named(m narrative.Message, call narrative.ActionCall) narrative.Message {
	about, title, summary, look := "", "", "", ""
	switch {
	case call.Issue != nil:
		about, title, summary = call.Issue.Assertion, call.Issue.Name(), call.Issue.Summary
		look = "Assertion: " + about + "\nIssue: " + call.Issue.ID + "\nThe whole story: narrative issue explain " + call.Issue.ID
	case call.Event != nil:
		about, title = call.Event.Event, call.Event.Event
		look = "Event: " + title + "\nOccurrence: " + call.Event.ID
	default:
		return m
	}
	if m.Subject == "" {
		m.Subject = title
		if summary != "" {
			m.Subject += ": " + summary
		}
	}
	m.Subject = oneLine(m.Subject)
	if !strings.Contains(m.Subject, about) {
		m.Subject += " [" + about + "]"
	}
	if m.Text == "" {
		m.Text = summary
	}
	if !strings.Contains(m.Text, about) {
		m.Text = strings.TrimRight(m.Text, "\n") + "\n\n-- \n" + look + "\n"
		if m.HTML != "" {
			m.HTML += "\n<hr><p>" + strings.ReplaceAll(html.EscapeString(look), "\n", "<br>\n") + "</p>\n"
		}
	}
	return m
}

// oneLine keeps line ends, which would begin another header, out of a subject.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
