package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/jackc/pgx/v5"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/persistence/pgtest"
)

// How much the lists are asked for pages of. The quick form has a tenth.
const (
	listedIssues = 100_000
	listedDatums = 2_000_000
	listSamples  = 60 // pages of each, in turns
)

// nobodyAsks is the operator of an API that is only read.
type nobodyAsks struct{ narrative.Operator }

// measureLists asks the API for pages of long lists on PostgreSQL, against the bare SQL of the same pages.
func measureLists(ctx context.Context, _ string, s size) ([]row, error) {
	stop, err := pgtest.Start()
	if err != nil {
		return nil, err
	}
	defer stop()
	url, err := pgtest.New()
	if err != nil {
		return nil, err
	}
	store, err := persistence.Open(ctx, url, persistence.Options{})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	issues, datums := int(listedIssues*s.lists), int(listedDatums*s.lists)
	if err := fillLists(ctx, store, conn, issues, datums); err != nil {
		return nil, err
	}
	handler, err := apiOver(store)
	if err != nil {
		return nil, err
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	var rows []row
	for _, l := range []struct{ what, path, sql string }{
		{
			fmt.Sprintf("a page of 100 of %d issues, ms", issues), "/api/v1/issues?limit=100",
			"SELECT * FROM issues ORDER BY opened_at DESC, id DESC LIMIT 101",
		},
		{
			fmt.Sprintf("a page of 100 of %d datums, three filters, ms", datums), "/api/v1/datums?limit=100&origin=origin7&name=name77&min_level=warn",
			"SELECT * FROM datums WHERE origin = 'origin7' AND name = 'name77' AND level IN ('warn', 'error') AND (expires_at IS NULL OR expires_at > now()) ORDER BY at DESC, id DESC LIMIT 101",
		},
	} {
		r := row{
			what: l.what, compare: ratio, bound: bound{"≤", 3},
			note: "floor: the bare SQL by pgx; less the 2 ms that it may take beyond",
		}
		for n := range listSamples + 5 { // some to warm up
			var floor, ours time.Duration
			if err := timed(&floor, func() error { return rowsOf(ctx, conn, l.sql) }); err != nil {
				return nil, err
			}
			if err := timed(&ours, func() error { return page(ctx, server.URL+l.path) }); err != nil {
				return nil, err
			}
			if n >= 5 {
				r.floor, r.ours = append(r.floor, milliseconds(floor)), append(r.ours, milliseconds(max(ours-2*time.Millisecond, 0)))
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// rowsOf reads the rows of a statement.
func rowsOf(ctx context.Context, conn *pgx.Conn, sql string) error {
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		if _, err := rows.Values(); err != nil {
			return err
		}
		n++
	}
	if n < 100 && rows.Err() == nil {
		return fmt.Errorf("%d rows are no page", n)
	}
	return rows.Err()
}

// page gets a page to its end.
func page(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, body)
	}
	return err
}

// fillLists fills the tables as an application of some size would have by and by.
func fillLists(ctx context.Context, store *persistence.Store, conn *pgx.Conn, issues, datums int) error {
	var metas []narrative.AssertionMeta
	for n := range 100 {
		metas = append(metas, narrative.AssertionMeta{Meta: narrative.Meta{
			Name: fmt.Sprintf("assertion-%d", n), Class: "sql", Every: narrative.Duration(time.Minute), Enabled: true,
		}})
	}
	if _, err := store.Apply(ctx, narrative.Manifest{Source: "bench", Assertions: metas}, time.Now()); err != nil {
		return err
	}
	for _, statement := range []string{
		fmt.Sprintf(`
			INSERT INTO issues (id, workflow_id, assertion, kind, record_type, record_id, status, severity, summary, verdict,
				opened_at, opened_seq, resolved_at)
			SELECT lpad(n::text, 12, '0'), 'issue/' || n, 'assertion-' || n %% 100, 'record', 'invoice', n::text,
				CASE WHEN n %% 20 = 0 THEN 'open' ELSE 'resolved' END, CASE WHEN n %% 2 = 0 THEN 'error' ELSE 'warning' END,
				'invoice ' || n || ' does not balance', '{"passed": false, "summary": "it does not balance"}',
				now() - n * interval '1 minute', n, CASE WHEN n %% 20 = 0 THEN NULL ELSE now() END
			FROM generate_series(1, %d) AS n`, issues),
		fmt.Sprintf(`
			INSERT INTO datums (id, origin, name, note, level, thread_id, at, expires_at)
			SELECT lpad(n::text, 12, '0'), 'origin' || n %% 10, 'name' || n %% 100, '{"customer": 42, "n": 7}',
				(ARRAY['info', 'warn', 'debug', 'error'])[1 + n / 100 %% 4], 'thread' || n / 10, now() - n * interval '1 second',
				now() + interval '30 days'
			FROM generate_series(1, %d) AS n`, datums),
		"ANALYZE",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
