package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	narrative "github.com/narrative-go/narrative"
)

// Bounds of following datums.
const (
	tailEvery   = 250 * time.Millisecond    // a look for what is new
	tailAgain   = time.Second               // a look for what was stored late, too
	tailOverlap = requestTimeout + tailSkew // how late that may be: as long as a request may last
	tailSkew    = 10 * time.Second          // how far the clock of who stores may be behind
	tailResumed = 5 * time.Second           // what is told again to who goes on
	tailMost    = 20_000                    // datums told at one look; beyond, what is older is left out, and said
	tailAlive   = 15 * time.Second          // a sign of life
	tailWrite   = 30 * time.Second          // for what is told to be taken
	maxTails    = 100                       // who follow at once
)

// datumID is what the ids of datums look like: UUIDs of version 7.
var datumID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// TailInput says what is followed.
type TailInput struct {
	DatumFilter
	Lines  int    `query:"lines" minimum:"0" maximum:"500" default:"0" doc:"Begin with so many that are there"`
	LastID string `header:"Last-Event-ID" doc:"Go on after the datum of that id; those of 5 s before it come again"`
}

func (a *api) tailRoute() {
	add(a, route{
		method: http.MethodGet, path: "/api/v1/datums/tail", id: "tail-datums", tag: "datums",
		summary: "Follow datums as they come, by server-sent events", query: true, timeout: -1,
		errors: []int{http.StatusTooManyRequests, http.StatusServiceUnavailable},
	}, a.tailDatums)
	a.operation(http.MethodGet, "/api/v1/datums/tail").Responses["200"] = &huma.Response{
		Description: "Events `datum`, whose data is a datum and whose id is the datum's, and `gap`, where datums are left out; oldest first, in the order in " +
			"which they were stored but for what took long to be stored, each at least once. A comment every 15 s is a sign of life. Not told is what is " +
			"stored by a process whose clock is more than 10 s behind, and, to who goes on after an id, what took longer than 5 s to be stored meanwhile.",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}
}

func (a *api) tailDatums(ctx context.Context, in *TailInput) (*huma.StreamResponse, error) {
	q, err := in.query(a.now())
	if err != nil {
		return nil, err
	}
	if in.LastID != "" && !datumID.MatchString(in.LastID) {
		return nil, narrative.Problems{{Path: "Last-Event-ID", Message: "is not the id of a datum"}}
	}
	if a.tails.Add(1) > maxTails {
		a.tails.Add(-1)
		return nil, &refusal{http.StatusTooManyRequests, fmt.Sprintf("%d follow datums here already; come again later", maxTails)}
	}
	t := &tail{api: a, q: q, seen: map[string]bool{}}
	if err := t.begin(ctx, in.LastID, in.Lines); err != nil {
		a.tails.Add(-1)
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer a.tails.Add(-1)
		_, w := humago.Unwrap(hc)
		hc.SetHeader("Content-Type", "text/event-stream")
		t.to, t.control = w, http.NewResponseController(w)
		t.run(hc.Context())
	}}, nil
}

// tail tells one reader of datums: what could not be seen yet at the mark, and was not told since. So it need not
// remember much, and something may be stored late, with a lower id than what was told.
type tail struct {
	api     *api
	q       narrative.DatumQuery // with the mark; empty: the reader goes on after an id
	resumed string               // that id
	first   []narrative.Datum    // told first
	marked  time.Time
	late    string          // the id beyond which something may be stored late
	after   string          // the id beyond which it is new
	seen    map[string]bool // ids told since the mark
	since   map[string]bool // ids told since the mark that is to follow; nil: there is none
	to      http.ResponseWriter
	control *http.ResponseController
	told    time.Time
}

// begin marks what is there, so that what comes later is told once.
func (t *tail) begin(ctx context.Context, lastID string, lines int) error {
	now := time.Now()
	if lastID != "" {
		t.resumed = min(lastID, narrative.FirstID(now))
		t.after, t.late = t.resumed, narrative.FirstID(timeOf(t.resumed).Add(-tailResumed))
		return nil
	}
	mark, err := t.mark(ctx)
	if err != nil {
		return err
	}
	if lines > 0 {
		listed, err := t.api.Store.Datums(ctx, t.q, narrative.Page{Limit: lines})
		if err != nil {
			return err
		}
		t.first = listed.Items
		slices.Reverse(t.first)
	}
	t.goOn(mark, now, map[string]bool{})
	return nil
}

// timeOf is when an id of version 7 was made.
func timeOf(id string) time.Time {
	var ms int64
	_, _ = fmt.Sscanf(strings.ReplaceAll(id, "-", "")[:12], "%x", &ms)
	return time.UnixMilli(ms)
}

func (t *tail) mark(ctx context.Context) (narrative.DatumMark, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return t.api.Store.MarkDatums(ctx)
}

// goOn goes on from a mark: what could be seen then is told, or left out.
func (t *tail) goOn(mark narrative.DatumMark, at time.Time, seen map[string]bool) {
	t.q.Unseen, t.marked, t.seen, t.since, t.resumed = mark, at, seen, nil, ""
	t.late = narrative.FirstID(at.Add(-tailOverlap))
	t.after = max(t.after, narrative.FirstID(at.Add(-tailAgain)))
}

// run tells until the reader is gone or the process ends. While the store does not answer, that is said.
func (t *tail) run(ctx context.Context) {
	tick := time.NewTicker(tailEvery)
	defer tick.Stop()
	if t.comment("following") != nil || t.write("id: "+t.after+"\n\n") != nil { // from where to go on, were nothing to come
		return
	}
	for _, d := range t.first {
		if t.tell(d) != nil {
			return
		}
	}
	for t.control.Flush() == nil {
		select {
		case <-ctx.Done():
			return
		case <-t.api.Ending:
			return
		case <-tick.C:
		}
		if t.look(ctx) != nil && t.comment("the store does not answer; trying on") != nil {
			return
		}
		if time.Since(t.told) >= tailAlive && t.comment("alive") != nil {
			return
		}
	}
}

// look tells what is new, and now and then what was stored late.
func (t *tail) look(ctx context.Context) error {
	now := time.Now()
	if now.Sub(t.marked) < tailAgain {
		more, err := t.arrived(ctx, t.after)
		if more {
			err = t.leaveOut(ctx)
		}
		return err
	}
	mark, err := t.mark(ctx)
	if err != nil {
		return err
	}
	t.since = map[string]bool{}
	more, err := t.arrived(ctx, t.late)
	switch {
	case err != nil:
		t.since = nil
	case more:
		err = t.leaveOut(ctx)
	default:
		t.goOn(mark, now, t.since)
	}
	return err
}

// leaveOut passes over what is there, and says so.
func (t *tail) leaveOut(ctx context.Context) error {
	now := time.Now()
	mark, err := t.mark(ctx)
	if err != nil {
		return err
	}
	t.goOn(mark, now, map[string]bool{})
	return t.event("gap", "", map[string]string{"text": fmt.Sprintf("more than %d datums came at once; some are left out", tailMost)})
}

// arrived tells what has a higher id, could not be seen at the mark and was not told since, in order; more tells that
// there is still more.
func (t *tail) arrived(ctx context.Context, after string) (more bool, err error) {
	t.q.Now = t.api.now()
	for fresh := 0; fresh < tailMost; {
		page, err := t.page(ctx, after)
		if err != nil {
			return false, err
		}
		for _, d := range page {
			if t.seen[d.ID] || d.ID == t.resumed {
				continue
			}
			if d.ID < t.resumed { // the reader may have seen it
				err = t.datum(d)
			} else {
				err = t.tell(d)
				fresh++
			}
			if err != nil {
				return false, err
			}
		}
		if len(page) < narrative.MaxPage {
			return false, nil
		}
		after = page[len(page)-1].ID
	}
	return true, nil
}

func (t *tail) page(ctx context.Context, after string) ([]narrative.Datum, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return t.api.Store.ArrivedDatums(ctx, t.q, after, narrative.MaxPage)
}

// tell tells of a datum and remembers that.
func (t *tail) tell(d narrative.Datum) error {
	t.seen[d.ID] = true
	if t.since != nil {
		t.since[d.ID] = true
	}
	t.after = max(t.after, d.ID)
	return t.datum(d)
}

func (t *tail) datum(d narrative.Datum) error { return t.event("datum", d.ID, d) }

// event writes one; JSON has no line breaks in it.
func (t *tail) event(name, id string, data any) error {
	encoded, err := json.Marshal(data)
	if err != nil {
		return err
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	return t.write(id + "event: " + name + "\ndata: " + string(encoded) + "\n\n")
}

func (t *tail) comment(text string) error { return t.write(": " + text + "\n\n") }

func (t *tail) write(text string) error {
	t.told = time.Now()
	_ = t.control.SetWriteDeadline(t.told.Add(tailWrite)) // not every transport has deadlines
	_, err := t.to.Write([]byte(text))
	return err
}
