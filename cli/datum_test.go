package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDatumsAreListedByTheirNoteAndOldestFirst(t *testing.T) {
	t.Parallel()
	w, api := withAPI(t, map[string][]answer{"GET /api/v1/datums": {{200, `{"items":[]}`}}})
	w.run("datum", "list", "--note", "customer=42", "--note", "customer=43", "--note", "note.items[0].sku=a=b", "--q", "late", "--order", "oldest").is(t, 0, "no datums\n", "")
	want := []string{"GET /api/v1/datums?limit=50&note.customer=42&note.customer=43&note.note.items%5B0%5D.sku=a%3Db&order=oldest&q=late"}
	if diff := cmp.Diff(want, api.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestDatumListRefused(t *testing.T) {
	t.Parallel()
	for stderr, args := range map[string][]string{
		`narrative: --note is "customer"; expected PATH=VALUE, such as customer=42`: {"--note", "customer"},
		`narrative: --note is "=42"; expected PATH=VALUE`:                           {"--note", "=42"},
		`narrative: --order is "random"; expected newest or oldest`:                 {"--order", "random"},
	} {
		w, api := withAPI(t, nil)
		w.run(append([]string{"datum", "list"}, args...)...).is(t, 2, "", stderr)
		if len(api.asked) > 0 {
			t.Errorf("asked %v", api.asked)
		}
	}
}

func TestASweepGoesOnWhileThereAreMore(t *testing.T) {
	t.Parallel()
	batches := func() map[string][]answer {
		return map[string][]answer{"POST /api/v1/datums/sweep": {{200, `{"datums":10000,"more":true}`}, {200, `{"datums":10000,"more":true}`}, {200, `{"datums":17,"more":false}`}}}
	}
	w, api := withAPI(t, batches())
	if r := w.run("datum", "sweep"); r != (result{0, "removed 20017 expired datums\n", ""}) {
		t.Errorf("%+v", r)
	}
	if len(api.asked) != 3 {
		t.Errorf("asked %v", api.asked)
	}
	w, _ = withAPI(t, batches())
	w.terminal = true
	const anew = "\r\x1b[K"
	want := result{0, `{"datums":20017}` + "\n", anew + "removed 10000 expired datums so far" + anew + "removed 20000 expired datums so far" + anew}
	if diff := cmp.Diff(want, w.run("datum", "sweep", "-o", "json"), cmp.AllowUnexported(result{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestASweepThatBreaksOffSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	for says, last := range map[string]answer{
		"removed 1 expired datum before it ended\nnarrative: away\n":                       {503, `{"status":503,"detail":"away"}`},
		"narrative: the API says that there are more datums to remove, and removed none\n": {200, `{"datums":0,"more":true}`},
	} {
		w, _ := withAPI(t, map[string][]answer{"POST /api/v1/datums/sweep": {{200, `{"datums":1,"more":true}`}, last}})
		w.run("datum", "sweep").is(t, 1, "", says)
	}
	w, _ := withAPI(t, map[string][]answer{"POST /api/v1/datums/sweep": {{403, `{"status":403,"detail":"the key lacks the scope operate"}`}}})
	w.run("datum", "sweep").is(t, 1, "", "narrative: the key lacks the scope operate; set NARRATIVE_API_KEY to a key that may\n")
}
