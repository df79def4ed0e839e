package activities

import (
	"fmt"
	"regexp"
	"strings"

	narrative "github.com/narrative-go/narrative"
)

// maxGathered bounds the text of a message that stands for several, in bytes; of those beyond it only the subjects are
// left.
const maxGathered = 256 << 10

// gathered is the message that stands for several: it names each of them, and then says what each says.
func gathered(all []narrative.Notification, stories []narrative.Story) narrative.Message {
	var list, whole strings.Builder
	dropped := 0
	for n, one := range all {
		fmt.Fprintf(&list, "  %d. %s\n", n+1, one.Message.Subject)
		if whole.Len()+len(one.Message.Text) > maxGathered {
			dropped++
			continue
		}
		fmt.Fprintf(&whole, "\n%s\n\n%s\n%s", strings.Repeat("-", 72), one.Message.Subject, "\n"+strings.TrimRight(one.Message.Text, "\n")+"\n")
	}
	if dropped > 0 {
		fmt.Fprintf(&whole, "\n%d more are left out here; narrative issue list shows them.\n", dropped)
	}
	subject := tagOf(all) + what(len(all), stories)
	return narrative.Message{
		Subject: subject,
		Text:    fmt.Sprintf("%s, gathered in one message:\n\n%s%s", strings.TrimPrefix(subject, tagOf(all)), list.String(), whole.String()),
	}
}

// what says how many issues of which assertions a message stands for.
func what(notifications int, stories []narrative.Story) string {
	assertions := map[string]bool{}
	for _, s := range stories {
		assertions[s.Issue.Assertion] = true
	}
	switch {
	case len(stories) == 0:
		return fmt.Sprintf("%d messages", notifications)
	case len(stories) == 1:
		return fmt.Sprintf("%d messages about %s", notifications, stories[0].Issue.Name())
	case len(assertions) == 1:
		return fmt.Sprintf("%d issues of %s", len(stories), stories[0].Issue.Assertion)
	}
	return fmt.Sprintf("%d issues of %d assertions", len(stories), len(assertions))
}

var tag = regexp.MustCompile(`^\[[^\]]+\] `)

// tagOf is the bracketed word that all subjects begin with, which sorts them.
func tagOf(all []narrative.Notification) string {
	first := tag.FindString(all[0].Message.Subject)
	for _, n := range all[1:] {
		if tag.FindString(n.Message.Subject) != first {
			return ""
		}
	}
	return first
}
