package persistence

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// Apply makes the store hold what the manifest says. Two manifests are applied one after the other: the row of the
// configuration is locked first.
func (s *Store) Apply(ctx context.Context, m narrative.Manifest, now time.Time) (narrative.Applied, error) {
	wanted, err := wantedMetas(m)
	if err != nil {
		return narrative.Applied{}, during(err, "apply %s", m.Source)
	}
	var applied narrative.Applied
	err = s.engine.Tx(ctx, func(tx engine.Tx) error {
		applied = narrative.Applied{Created: []string{}, Changed: []string{}, Unchanged: []string{}, Pruned: []string{}}
		held, err := s.held(ctx, tx)
		if err != nil {
			return err
		}
		if err := held.expected(m.Expected, wanted); err != nil {
			return err
		}
		if m.DryRun {
			if applied.Differences, err = held.differences(m, wanted); err != nil {
				return err
			}
		}
		b := &engine.Batch{}
		for _, w := range wanted {
			if err := w.queue(b, &applied, held, now); err != nil {
				return err
			}
		}
		if err := queueNewConfig(b, m.Config, held.config, &applied); err != nil {
			return err
		}
		if m.Prune {
			for _, name := range held.orphans(m, wanted) {
				applied.Pruned = append(applied.Pruned, name)
				queueRemoval(b, name, anyRevision, now, new(int), new(int))
			}
		}
		if m.DryRun {
			return nil
		}
		queueApplied(b, m.Expected, &applied)
		return tx.Run(ctx, b)
	})
	if err != nil {
		return narrative.Applied{}, during(err, "apply %s", m.Source)
	}
	return applied, nil
}

// queueApplied reads what somebody had seen before, as it is now.
func queueApplied(b *engine.Batch, e narrative.Expected, applied *narrative.Applied) {
	for _, name := range slices.Sorted(maps.Keys(e.Revisions)) {
		b.Query(collect(&applied.Assertions, func(r engine.Row) (m narrative.AssertionMeta, err error) {
			return m, r.Scan(scanAssertion(&m)...)
		}), "SELECT "+assertionColumns+" FROM assertion_metas WHERE removed_at IS NULL AND name = $1", name)
		b.Query(collect(&applied.Events, func(r engine.Row) (m narrative.EventMeta, err error) {
			return m, r.Scan(scanEvent(&m)...)
		}), "SELECT "+eventColumns+" FROM event_metas WHERE removed_at IS NULL AND name = $1", name)
	}
	if e.Config != nil {
		applied.Configuration = &narrative.Config{}
		queueConfig(b, applied.Configuration, "")
	}
}

// wanted is a meta of either kind as it shall be: its columns beyond those that Meta has, and its content.
type wanted struct {
	path    string // in the manifest
	kind    narrative.MetaKind
	meta    narrative.Meta
	notify  engine.JSON
	own     []any
	content []byte
}

// heldMetas is what the store holds before.
type heldMetas struct {
	config  narrative.Config
	kinds   map[string]narrative.MetaKind
	content map[string][]byte
	// revisions are those of the metas.
	revisions map[string]int64
	sources   map[string]string // of the metas
	removed   map[string]removedMeta
}

// removedMeta is a meta that was removed and whose row is still there.
type removedMeta struct {
	kind   narrative.MetaKind
	issues bool // issues refer to it
}

func (s *Store) held(ctx context.Context, tx engine.Tx) (*heldMetas, error) {
	held := &heldMetas{kinds: map[string]narrative.MetaKind{}, content: map[string][]byte{}, removed: map[string]removedMeta{}}
	held.revisions, held.sources = map[string]int64{}, map[string]string{}
	b := &engine.Batch{}
	queueConfig(b, &held.config, s.dialect.Lock("FOR UPDATE"))
	b.Query(func(r engine.Row) error {
		var m narrative.AssertionMeta
		if err := r.Scan(scanAssertion(&m)...); err != nil {
			return err
		}
		m.Escalate = evenEscalations(m.Escalate)
		return held.keep(narrative.AssertionKind, m.Meta, m)
	}, "SELECT "+assertionColumns+" FROM assertion_metas WHERE removed_at IS NULL")
	b.Query(func(r engine.Row) error {
		var m narrative.EventMeta
		if err := r.Scan(scanEvent(&m)...); err != nil {
			return err
		}
		return held.keep(narrative.EventKind, m.Meta, m)
	}, "SELECT "+eventColumns+" FROM event_metas WHERE removed_at IS NULL")
	b.Query(func(r engine.Row) error {
		var name string
		var was removedMeta
		err := r.Scan(&name, (*string)(&was.kind), &was.issues)
		held.removed[name] = was
		return err
	}, `
		SELECT m.name, m.kind, EXISTS (SELECT 1 FROM issues i WHERE i.assertion = m.name)
		FROM assertion_metas m WHERE m.removed_at IS NOT NULL
		UNION ALL
		SELECT m.name, m.kind, FALSE
		FROM event_metas m WHERE m.removed_at IS NOT NULL`)
	return held, tx.Run(ctx, b)
}

func (h *heldMetas) keep(kind narrative.MetaKind, m narrative.Meta, meta any) (err error) {
	h.kinds[m.Name], h.revisions[m.Name], h.sources[m.Name] = kind, m.Revision, m.Source
	h.content[m.Name], err = contentOf(meta)
	return err
}

// contentOf is the JSON of a meta with its members sorted and its numbers as they were written.
func contentOf(meta any) ([]byte, error) {
	b, err := encodeJSON(meta)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var plain any
	if err := d.Decode(&plain); err != nil {
		return nil, err
	}
	return encodeJSON(plain)
}

// wantedMetas returns the manifest's metas with their defaults, by name, so that two manifests lock rows in one order.
func wantedMetas(m narrative.Manifest) ([]wanted, error) {
	var t texts
	t.value("source", m.Source)
	t.value("config", m.Config)
	var all []wanted
	for i, a := range m.Assertions {
		a = a.WithDefaults()
		a.Source = cmp.Or(m.Source, a.Source)
		a.Escalate = evenEscalations(a.Escalate)
		t.value("assertions."+a.Name, a)
		w, err := wantedAssertion(a)
		if err != nil {
			return nil, during(err, "assertion %q", a.Name)
		}
		w.path = fmt.Sprintf("assertions[%d]", i)
		all = append(all, w)
	}
	for i, e := range m.Events {
		e = e.WithDefaults()
		e.Source = cmp.Or(m.Source, e.Source)
		t.value("events."+e.Name, e)
		w, err := wantedEvent(e)
		if err != nil {
			return nil, during(err, "event %q", e.Name)
		}
		w.path = fmt.Sprintf("events[%d]", i)
		all = append(all, w)
	}
	slices.SortStableFunc(all, func(a, b wanted) int { return strings.Compare(a.meta.Name, b.meta.Name) })
	return all, t.err()
}

func wantedAssertion(a narrative.AssertionMeta) (wanted, error) {
	notify, err := list(a.Notify)
	if err != nil {
		return wanted{}, err
	}
	renotify, err := list(a.Renotify)
	if err != nil {
		return wanted{}, err
	}
	escalate, err := list(a.Escalate)
	if err != nil {
		return wanted{}, err
	}
	diagnostics, err := list(a.Diagnostics)
	if err != nil {
		return wanted{}, err
	}
	own := []any{
		a.FailAfter, a.ResolveAfter, a.ErrorAfter, a.MaxAttempts, a.MaxPlans, a.MaxIssues, renotify, escalate, diagnostics,
	}
	content, err := contentOf(a)
	return wanted{kind: narrative.AssertionKind, meta: a.Meta, notify: notify, own: own, content: content}, err
}

func wantedEvent(e narrative.EventMeta) (wanted, error) {
	notify, err := list(e.Notify)
	if err != nil {
		return wanted{}, err
	}
	respond, err := list(e.Respond)
	if err != nil {
		return wanted{}, err
	}
	content, err := contentOf(e)
	return wanted{kind: narrative.EventKind, meta: e.Meta, notify: notify, own: []any{int64(e.TTL), respond}, content: content}, err
}

// list is the argument for a column that holds a list as JSON, never null.
func list[S ~[]E, E any](s S) (engine.JSON, error) {
	b, err := encodeJSON(orEmpty(s))
	return engine.JSON(b), err
}

func orEmpty[S ~[]E, E any](s S) S {
	if s == nil {
		return S{}
	}
	return s
}

// queue adds the statements that make the store hold w, none where it does already.
func (w wanted) queue(b *engine.Batch, applied *narrative.Applied, held *heldMetas, now time.Time) error {
	name := w.meta.Name
	kind, taken := held.kinds[name]
	if taken && kind != w.kind {
		return narrative.Problems{{
			Path:    w.path + ".name",
			Message: fmt.Sprintf("the name %q is taken by an %s already; names are unique across assertions and events", name, kind),
		}}
	}
	if taken && bytes.Equal(held.content[name], w.content) {
		applied.Unchanged = append(applied.Unchanged, name)
		return nil
	}
	held.kinds[name], held.content[name] = w.kind, w.content // for a name that stands twice
	if taken {
		applied.Changed = append(applied.Changed, name)
		b.Exec(updateMeta[w.kind], w.arguments(now)...)
		return nil
	}
	applied.Created = append(applied.Created, name)
	return w.queueNew(b, held, now)
}

// queueNew adds a meta, or brings it back. Of a removed one of the other kind that has the name nothing is left, unless
// issues refer to it.
func (w wanted) queueNew(b *engine.Batch, held *heldMetas, now time.Time) error {
	name := w.meta.Name
	was, removed := held.removed[name]
	delete(held.removed, name)
	switch {
	case removed && was.kind == w.kind:
		b.Exec(updateMeta[w.kind], w.arguments(now)...)
		return nil
	case removed && was.issues:
		return narrative.Problems{{
			Path: w.path + ".name",
			Message: fmt.Sprintf("the name %q belongs to an assertion that was removed and whose issues are kept; give the %s another",
				name, w.kind),
		}}
	case removed:
		b.Exec("DELETE FROM meta_names WHERE name = $1", name)
	}
	b.Exec("INSERT INTO meta_names (name, kind) VALUES ($1, $2)", name, string(w.kind))
	b.Exec(insertMeta[w.kind], w.arguments(now)...)
	return nil
}

func (w wanted) arguments(now time.Time) []any {
	m := w.meta
	return append([]any{
		m.Name, m.DisplayName, m.Class, engine.JSON(m.Args), int64(m.Every), m.Cron, m.Timezone, m.Enabled,
		string(m.Severity), int64(m.Timeout), m.Queue, m.Source, now, string(m.Trigger), w.notify,
	}, w.own...)
}

var insertMeta = map[narrative.MetaKind]string{
	narrative.AssertionKind: `
		INSERT INTO assertion_metas (name, display_name, class, args, every_ns, cron, timezone, enabled, severity,
			timeout_ns, queue, source, updated_at, triggered_by, notify, fail_after, resolve_after, error_after,
			max_attempts, max_plans, max_issues, renotify, escalate, diagnostics)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)`,
	narrative.EventKind: `
		INSERT INTO event_metas (name, display_name, class, args, every_ns, cron, timezone, enabled, severity,
			timeout_ns, queue, source, updated_at, triggered_by, notify, ttl_ns, respond)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
}

const setMeta = `
	SET display_name = $2, class = $3, args = $4, every_ns = $5, cron = $6, timezone = $7, enabled = $8, severity = $9,
		timeout_ns = $10, queue = $11, source = $12, updated_at = $13, triggered_by = $14, notify = $15,
		revision = revision + 1, removed_at = NULL`

var updateMeta = map[narrative.MetaKind]string{
	narrative.AssertionKind: "UPDATE assertion_metas" + setMeta + `,
		fail_after = $16, resolve_after = $17, error_after = $18, max_attempts = $19, max_plans = $20, max_issues = $21,
		renotify = $22, escalate = $23, diagnostics = $24
	WHERE name = $1`,
	narrative.EventKind: "UPDATE event_metas" + setMeta + `, ttl_ns = $16, respond = $17
	WHERE name = $1`,
}
