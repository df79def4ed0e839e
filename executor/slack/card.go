package slack

import (
	"fmt"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

// cardOf returns the message that stands for the issues: one issue's card, or a group's. words is what is said above it.
func cardOf(stories []narrative.Story, words words, now time.Time) message {
	a := attachment{Color: groupColour(stories), Blocks: groupBlocks(stories)}
	if len(stories) == 1 {
		a = attachment{Color: colour(stories[0].Issue), Blocks: issueBlocks(stories[0].Issue, now)}
	}
	a.Fallback = fallback(stories)
	m := message{Text: words.text, Blocks: words.blocks, Attachments: []attachment{a}}
	if m.Text == "" {
		m.Text = a.Fallback
	}
	if most := maxBlocks - len(a.Blocks); len(m.Blocks) > most {
		m.Blocks = m.Blocks[:most]
	}
	for room := maxMessage - weight(a.Blocks); len(m.Blocks) > 0 && weight(m.Blocks) > room; {
		m.Blocks = m.Blocks[:len(m.Blocks)-1]
	}
	return m
}

// fallback is the card in one line, for where no blocks are shown.
func fallback(stories []narrative.Story) string {
	if len(stories) != 1 {
		return groupTitle(stories)
	}
	i := stories[0].Issue
	return emoji(i) + " " + line(i.Name(), 200) + ": " + statusWords(i)
}

// words are what a message says in its sender's own words, escaped.
type words struct {
	text   string
	blocks []any
}

// wordsOf returns what a message says. Of a text about an issue, whole is false where a card below says the rest.
func wordsOf(m narrative.Message, kind narrative.NotificationKind, whole bool) words {
	text := strings.TrimSpace(m.Text)
	if !whole && kind != narrative.NotifyAction {
		text, _, _ = strings.Cut(text, "\n\n")
	}
	said := ""
	if m.Subject != "" {
		said = "*" + line(m.Subject, 250) + "*"
	}
	if text != "" && text != m.Subject {
		said += "\n" + clip(text, maxText-len(said)-1)
	}
	blocks := m.Blocks
	if len(blocks) > maxBlocks {
		blocks = blocks[:maxBlocks]
	}
	return words{text: strings.TrimSpace(said), blocks: blocks}
}

// firstWords returns what the first message about the issue to the recipient said: what stands above its card.
func firstWords(s narrative.Story, recipient string) words {
	for _, n := range s.Notifications {
		if n.Channel == narrative.ChannelSlack && n.Recipient == recipient && n.State != narrative.NotificationSuppressed {
			return wordsOf(n.Message, n.Kind, false)
		}
	}
	return words{}
}

// The colours of cards.
const (
	green  = "#2eb67d"
	grey   = "#9e9e9e"
	blue   = "#36c5f0"
	yellow = "#ecb22e"
	orange = "#e8912d"
	red    = "#e01e5a"
)

// colour tells by status, and by severity while the issue is open.
func colour(i narrative.Issue) string {
	switch i.Status {
	case narrative.StatusResolved:
		return green
	case narrative.StatusWontFix:
		return grey
	case narrative.StatusSolutionApplied:
		return blue
	}
	switch i.Severity {
	case narrative.SeverityInfo:
		return blue
	case narrative.SeverityWarning:
		return yellow
	case narrative.SeverityCritical:
		return red
	}
	return orange
}

func emoji(i narrative.Issue) string {
	switch {
	case i.Status == narrative.StatusResolved:
		return ":white_check_mark:"
	case i.Status == narrative.StatusWontFix:
		return ":no_bell:"
	case i.Awaiting != nil || i.Status == narrative.StatusImpasse:
		return ":raised_hand:"
	case i.Status == narrative.StatusSolutionApplied:
		return ":hourglass_flowing_sand:"
	}
	return ":red_circle:"
}

// statusWords are the status before people.
func statusWords(i narrative.Issue) string {
	switch i.Status {
	case narrative.StatusSolutionApplied:
		return "a solution was carried out"
	case narrative.StatusImpasse:
		return "impasse"
	case narrative.StatusResolved:
		return "resolved"
	case narrative.StatusWontFix:
		return "won't fix"
	}
	return "open"
}

// issueBlocks are the card of one issue: what is wrong, where it stands, and what a person may do.
func issueBlocks(i narrative.Issue, now time.Time) []any {
	blocks := []any{header(i.Name())}
	state := fmt.Sprintf("%s *%s* · severity *%s*", emoji(i), statusWords(i), line(string(i.Severity), 20))
	if i.Summary != "" {
		state += "\n" + clip(i.Summary, 2000)
	}
	blocks = append(blocks, section(state))
	if quiet := attended(i, now); quiet != "" {
		blocks = append(blocks, section(quiet))
	}
	blocks = append(blocks, small(age(i)+" · issue `"+line(i.ID, 100)+"`"))
	if i.Status.Closed() {
		return blocks
	}
	blocks = append(blocks, proposals(i)...)
	return append(blocks, attendButtons(i))
}

// age is since when the issue is open, or how long it was.
func age(i narrative.Issue) string {
	said := "opened " + date(i.OpenedAt)
	if i.ResolvedAt != nil {
		said += ", closed " + date(*i.ResolvedAt) + ", lasted " + narrative.Age(i.OpenedAt, *i.ResolvedAt)
	}
	return said
}

// attended tells what is awaited of whom, and who sees to the issue.
func attended(i narrative.Issue, now time.Time) string {
	if i.Status.Closed() {
		return ""
	}
	var said []string
	if a := i.Awaiting; a != nil {
		what := ":point_right: waits for a person to choose or bring a plan"
		if a.For == narrative.AwaitingApproval {
			what = ":point_right: waits for approval"
		}
		what += " since " + date(a.Since)
		if a.Until != nil {
			what += ", until " + date(*a.Until)
		}
		said = append(said, what)
	}
	if a := i.Acknowledged; a != nil {
		who := ":eyes: acknowledged"
		if a.By != "" {
			who += " by *" + line(a.By, 100) + "*"
		}
		who += " " + date(a.At)
		if a.Until != nil {
			who += ", until " + date(*a.Until)
		}
		if a.Reason != "" {
			who += ": " + clip(a.Reason, 500)
		}
		said = append(said, who)
	}
	if until := i.SnoozedUntil; until != nil && until.After(now) {
		said = append(said, ":zzz: snoozed until "+date(*until))
	}
	return strings.Join(said, "\n")
}
