package slack

import (
	"fmt"
	"strings"

	"github.com/narrative-go/narrative"
)

// maxListed is how many issues a group's card lists.
const maxListed = 40

// groupTitle says how many issues there are, and how many are open.
func groupTitle(stories []narrative.Story) string {
	open := 0
	for _, s := range stories {
		if !s.Issue.Status.Closed() {
			open++
		}
	}
	return fmt.Sprintf("%d issues, %d open", len(stories), open)
}

// groupColour is that of the gravest issue that is open; green once all are closed.
func groupColour(stories []narrative.Story) string {
	colours := map[string]bool{}
	for _, s := range stories {
		colours[colour(s.Issue)] = true
	}
	for _, one := range []string{red, orange, yellow, blue, green} {
		if colours[one] {
			return one
		}
	}
	return grey
}

// groupBlocks list issues, with where each stands.
func groupBlocks(stories []narrative.Story) []any {
	blocks, lines := []any{header(groupTitle(stories))}, ""
	for _, s := range stories[:min(len(stories), maxListed)] {
		one := groupLine(s.Issue)
		if len(lines)+1+len(one) > maxText {
			blocks, lines = append(blocks, section(lines)), ""
		}
		lines = strings.TrimPrefix(lines+"\n"+one, "\n")
	}
	if lines != "" {
		blocks = append(blocks, section(lines))
	}
	if more := len(stories) - maxListed; more > 0 {
		blocks = append(blocks, small(fmt.Sprintf("and %d more", more)))
	}
	return blocks
}

func groupLine(i narrative.Issue) string {
	said := fmt.Sprintf("%s *%s* (%s, %s)", emoji(i), line(i.Name(), 150), statusWords(i), line(string(i.Severity), 20))
	if i.Summary != "" && !i.Status.Closed() {
		said += ": " + line(i.Summary, 200)
	}
	return said
}

// needBlocks are what a person may do about issues of a group that need one, as far as they fit beside used blocks.
func needBlocks(stories []narrative.Story, used int) []any {
	blocks := []any{}
	for n, s := range stories {
		if s.Issue.Status.Closed() {
			continue
		}
		own := append([]any{section(groupLine(s.Issue))}, proposals(s.Issue)...)
		own = append(own, attendButtons(s.Issue))
		if used+len(blocks)+len(own) >= maxBlocks {
			return append(blocks, small(fmt.Sprintf("and %d more: `narrative issue list`", len(stories)-n)))
		}
		blocks = append(blocks, own...)
	}
	return blocks
}
