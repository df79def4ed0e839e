package email

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/executor/email/smtpfake"
)

// received is the telling as a server got it.
func received(t *testing.T, message narrative.Telling) smtpfake.Message {
	t.Helper()
	s := smtpfake.New(t, smtpfake.Options{})
	if _, err := channel(t, s.URL(), SMTPOptions{}).Send(context.Background(), message); err != nil {
		t.Fatal(err)
	}
	return s.Messages()[0]
}

func numbered(format string, from, to int) (all []string) {
	for n := from; n <= to; n++ {
		all = append(all, fmt.Sprintf(format, n))
	}
	return all
}

func TestMessagesAboutAnIssueMakeAThread(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		issues, earlier []string
		references      []string
		answered        string
	}{
		"the first of one":   {[]string{"i-7"}, nil, []string{"<issue-i-7@shop.example>"}, "<issue-i-7@shop.example>"},
		"the second":         {[]string{"i-7"}, []string{"e1"}, []string{"<issue-i-7@shop.example>", "<e1@shop.example>"}, "<e1@shop.example>"},
		"a later one":        {[]string{"i-7"}, numbered("e%d", 1, 10), append([]string{"<issue-i-7@shop.example>"}, numbered("<e%d@shop.example>", 1, 10)...), "<e10@shop.example>"},
		"one of a long life": {[]string{"i-7"}, numbered("e%d", 1, 30), append([]string{"<issue-i-7@shop.example>", "<e1@shop.example>"}, numbered("<e%d@shop.example>", 22, 30)...), "<e30@shop.example>"},
		"of several":         {[]string{"i-7", "i-8"}, []string{"e1"}, []string{"<issue-i-7@shop.example>", "<issue-i-8@shop.example>", "<e1@shop.example>"}, "<e1@shop.example>"},
		"of very many":       {numbered("i-%d", 1, 60), nil, numbered("<issue-i-%d@shop.example>", 1, 10), "<issue-i-1@shop.example>"},
		"an odd id":          {[]string{"a b>\r\nBcc: x"}, nil, []string{"<issue-" + part("a b>\r\nBcc: x") + "@shop.example>"}, "<issue-" + part("a b>\r\nBcc: x") + "@shop.example>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			message := about(tt.issues...)
			message.Earlier = tt.earlier
			got := received(t, message)
			if diff := cmp.Diff(tt.references, strings.Fields(got.Header.Get("References"))); diff != "" {
				t.Errorf("References (-want +got)\n%s", diff)
			}
			if reply := got.Header.Get("In-Reply-To"); reply != tt.answered {
				t.Errorf("In-Reply-To %s", reply)
			}
			want := make([]string, len(tt.issues))
			for n, id := range tt.issues {
				want[n] = part(id)
			}
			if diff := cmp.Diff(want, got.Header["X-Narrative-Issue"]); diff != "" {
				t.Errorf("X-Narrative-Issue (-want +got)\n%s", diff)
			}
			for _, line := range strings.Split(string(got.Raw), "\r\n") {
				if len(line) > 998 {
					t.Errorf("a line of %d bytes: %.80s", len(line), line)
				}
			}
		})
	}
}

func TestAMessageOfNoIssueBelongsToNoThread(t *testing.T) {
	t.Parallel()
	message := telling()
	message.IssueID, message.Earlier = "", []string{"e1"}
	got := received(t, message)
	for _, name := range []string{"References", "In-Reply-To", "X-Narrative-Issue"} {
		if got.Header.Get(name) != "" {
			t.Errorf("%s: %s", name, got.Header.Get(name))
		}
	}
}
