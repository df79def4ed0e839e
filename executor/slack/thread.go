package slack

import (
	"fmt"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
)

const (
	// maxReplies is how many replies the lines of a timeline are posted in at once; older lines are left out.
	maxReplies = 5
	// maxLine bounds a line of a timeline.
	maxLine = 1000
)

// newest is the number of the last line of a timeline.
func newest(s narrative.Story) int {
	last := 0
	for _, e := range s.Entries {
		last = max(last, e.Number)
	}
	return last
}

// unshown are the lines after the given one that belong in a thread. Those that say who was told are left out: the
// reader is one of them.
func unshown(s narrative.Story, shown int) (entries []narrative.Entry) {
	for _, e := range s.Entries {
		if e.Number > shown && e.Kind != narrative.EntryNotification {
			entries = append(entries, e)
		}
	}
	return entries
}

// reply is a part of a timeline that fits into one message.
type reply struct {
	text string
	last narrative.Entry
}

// repliesOf puts lines together as far as they fit. Where the thread is a group's, each reply names the issue.
func repliesOf(i narrative.Issue, entries []narrative.Entry, group bool) []reply {
	title := ""
	if group {
		title = "*" + line(i.Name(), 200) + "*"
	}
	var all []reply
	for _, e := range entries {
		said := entryLine(e)
		last := len(all) - 1
		if last < 0 || len(all[last].text)+1+len(said) > maxText-200 {
			all = append(all, reply{text: title})
			last++
		}
		all[last].text = strings.TrimPrefix(all[last].text+"\n"+said, "\n")
		all[last].last = e
	}
	if left := len(all) - maxReplies; left > 0 {
		all = all[left:]
		all[0].text = fmt.Sprintf("… earlier lines: `narrative issue explain %s`\n", line(i.ID, 100)) + all[0].text
	}
	return all
}

func entryLine(e narrative.Entry) string {
	by := ""
	switch {
	case e.Kind == narrative.EntryComment && e.By != "":
		by = ":speech_balloon: *" + line(e.By, 100) + "*: "
	case e.Kind == narrative.EntryComment:
		by = ":speech_balloon: "
	case e.By != "":
		by = "*" + line(e.By, 100) + "*: "
	}
	return date(e.At) + "  " + by + clip(e.Text, maxLine)
}

// sinceOf is from when on the lines may have been posted, by a clock that is not ours.
func sinceOf(entries []narrative.Entry) time.Time {
	if len(entries) == 0 {
		return time.Time{}
	}
	return entries[0].At.Add(-clockSkew)
}
