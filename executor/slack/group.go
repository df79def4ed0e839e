package slack

import (
	"fmt"
	"strings"

	"github.com/narrative-go/narrative"
)

// maxListed is how many issues a group's card lists: all that a message may be about.
const maxListed = narrative.MaxBatch

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
	for _, one := range groupLines(stories[:min(len(stories), maxListed)]) {
		if length(lines)+1+length(one) > maxText {
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

// groupLines are a line an issue; where they are too long together, without what each is about.
func groupLines(stories []narrative.Story) []string {
	room := maxGroup/max(len(stories), 1) - 30 // beside the rest of a line
	long, short, size := make([]string, len(stories)), make([]string, len(stories)), 0
	for n, s := range stories {
		long[n] = groupLine(s.Issue)
		short[n] = fmt.Sprintf("%s %s (%s)", emoji(s.Issue), middled(s.Issue.Name(), room), statusWords(s.Issue))
		size += length(long[n]) + 1
	}
	if size > maxGroup {
		return short
	}
	return long
}

// maxGroup is what the lines of a group may come to.
const maxGroup = maxMessage - 500

// middled cuts a text in its middle, so that what tells issues apart, which stands at the end of their names, is left.
func middled(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return line(s, most)
	}
	return line(string(runes[:most/4])+"…"+string(runes[len(runes)-(most-most/4-1):]), most)
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
		if used+len(blocks)+len(own) >= maxBlocks || weight(blocks)+weight(own) > maxMessage-1000 {
			return append(blocks, small(fmt.Sprintf("and %d more: `narrative issue list`", len(stories)-n)))
		}
		blocks = append(blocks, own...)
	}
	return blocks
}
