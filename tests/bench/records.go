package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/testsuite"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/activities"
	"github.com/narrative-go/narrative/batteries/sql"
	"github.com/narrative-go/narrative/diagnosis"
	"github.com/narrative-go/narrative/executor"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/persistence/pgtest"
)

// invoices is how many rows the table has that is checked.
const invoices = 1_000_000

// measureRecords checks a table of a million rows on PostgreSQL, with few violations and with many, against the bare
// query, and against that and the keeping of as many rows as a check keeps.
func measureRecords(ctx context.Context, dir string, s size) ([]row, error) {
	stop, err := pgtest.Start()
	if err != nil {
		return nil, err
	}
	defer stop()
	var rows []row
	for _, c := range []struct {
		violating int
		limit     float64
		kept      int // rows that the floor keeps
		note      string
	}{
		{100, 1.3, 0, "floor: the same query, streamed by pgx"},
		{200_000, 1.5, narrative.MaxViolations, "floor: that, and an upsert of 10,000 rows"},
	} {
		speed := row{
			what: fmt.Sprintf("a check of %d rows, %d violating, ms", invoices, c.violating), compare: ratio,
			bound: bound{"≤", c.limit}, note: c.note,
		}
		if c.kept == 0 { // the bound is 1.3 times the floor and 50 ms
			speed.note += "; less the 50 ms that it may take beyond"
		}
		memory := row{
			what: fmt.Sprintf("its memory, %d violating, MB", c.violating), compare: alone, bound: bound{"≤", 64},
			note: "resident, beyond what the idle process had",
		}
		t, err := newTable(ctx, c.violating)
		if err != nil {
			return nil, err
		}
		for range rounds + 1 { // one to warm up
			floor, err := t.floor(ctx, c.kept)
			if err != nil {
				return nil, err
			}
			ours, resident, err := t.check(ctx)
			if err != nil {
				return nil, err
			}
			if c.kept == 0 {
				ours = max(ours-50*time.Millisecond, 0)
			}
			speed.floor, speed.ours = append(speed.floor, milliseconds(floor)), append(speed.ours, milliseconds(ours))
			memory.ours = append(memory.ours, resident)
		}
		speed.floor, speed.ours, memory.ours = speed.floor[1:], speed.ours[1:], memory.ours[1:]
		rows = append(rows, speed, memory)
		if err := t.proves(ctx, c.violating); err != nil {
			return nil, err
		}
		t.close()
	}
	return rows, nil
}

// table is a database with the table, and a store with the assertion over it.
type table struct {
	url   string
	conn  *pgx.Conn
	store *runs
	acts  *activities.Activities
}

// runs is a store to which each check is a run of its own: the environment of activities gives all of them one id.
type runs struct {
	*persistence.Store
	made int
}

func (r *runs) id() string { return fmt.Sprint("run-", r.made) }

// BeginCheck begins one of that run.
func (r *runs) BeginCheck(ctx context.Context, name, _ string) (narrative.CheckState, error) {
	r.made++
	return r.Store.BeginCheck(ctx, name, r.id())
}

// RecordCheck records it.
func (r *runs) RecordCheck(ctx context.Context, c narrative.CheckRecord) (narrative.CheckResult, error) {
	c.RunID = r.id()
	return r.Store.RecordCheck(ctx, c)
}

const violations = "SELECT id, total, lines_total FROM invoices WHERE total <> lines_total"

func newTable(ctx context.Context, violating int) (_ *table, err error) {
	t := &table{}
	if t.url, err = pgtest.New(); err != nil {
		return nil, err
	}
	if t.conn, err = pgx.Connect(ctx, t.url); err != nil {
		return nil, err
	}
	for _, statement := range []string{
		"CREATE TABLE invoices (id bigint PRIMARY KEY, total bigint NOT NULL, lines_total bigint NOT NULL)",
		fmt.Sprintf("INSERT INTO invoices SELECT n, n, CASE WHEN n %% (%d / %d) = 0 THEN 0 ELSE n END FROM generate_series(1, %d) n", invoices, violating, invoices),
		"ANALYZE invoices",
		"CREATE TABLE kept (assertion text, type text, id text, summary text, details json, first timestamptz, last timestamptz, seq bigint, PRIMARY KEY (assertion, type, id))",
	} {
		if _, err := t.conn.Exec(ctx, statement); err != nil {
			return nil, err
		}
	}
	store, err := persistence.Open(ctx, t.url, persistence.Options{})
	if err != nil {
		return nil, err
	}
	t.store = &runs{Store: store}
	reg := narrative.NewRegistry()
	sql.Register(reg)
	run, err := executor.New(executor.Options{Registry: reg, Store: t.store})
	if err != nil {
		return nil, err
	}
	t.acts, err = activities.New(activities.Options{
		Store: t.store, Registry: reg, Executor: run, CompileCase: diagnosis.Compile, Deliverer: nobody{},
	})
	if err != nil {
		return nil, err
	}
	args, _ := json.Marshal(map[string]any{"dsn": t.url, "violations": violations, "record": map[string]string{"type": "invoice", "id": "id"}})
	meta := narrative.AssertionMeta{Meta: narrative.Meta{Name: "invoices-balance", Class: "sql", Args: args, Every: narrative.Duration(time.Hour), Enabled: true}}
	_, err = t.store.Apply(ctx, narrative.Manifest{Source: "bench", Assertions: []narrative.AssertionMeta{meta.WithDefaults()}}, time.Now().UTC())
	return t, err
}

func (t *table) close() {
	_ = t.store.Close()
	_ = t.conn.Close(context.Background())
}

// floor streams the query, and keeps that many of its rows.
func (t *table) floor(ctx context.Context, kept int) (time.Duration, error) {
	begun := time.Now()
	rows, err := t.conn.Query(ctx, violations)
	if err != nil {
		return 0, err
	}
	var ids []string
	var id, total, lines int64
	for rows.Next() {
		if err := rows.Scan(&id, &total, &lines); err != nil {
			return 0, err
		}
		if len(ids) < kept {
			ids = append(ids, strconv.FormatInt(id, 10))
		}
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	b := &pgx.Batch{}
	for _, id := range ids {
		b.Queue(`INSERT INTO kept VALUES ('invoices-balance', 'invoice', $1, $2, $3, now(), now(), 1)
			ON CONFLICT (assertion, type, id) DO UPDATE SET summary = excluded.summary, details = excluded.details, last = excluded.last, seq = kept.seq + 1`,
			id, "invoice "+id+" violates it", `{"id":`+id+`}`)
	}
	if b.Len() > 0 {
		if err := t.conn.SendBatch(ctx, b).Close(); err != nil {
			return 0, err
		}
	}
	return time.Since(begun), nil
}

// check runs the check activity as a worker does, and returns how long it took and how much memory beyond that of the
// idle process was resident at its peak, in MB.
func (t *table) check(ctx context.Context) (time.Duration, float64, error) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(t.acts)
	debug.FreeOSMemory()
	before, err := forgetPeak()
	if err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	_, err = env.ExecuteActivity(t.acts.CheckAssertion, activities.CheckInput{Name: "invoices-balance"})
	took := time.Since(begun)
	if err != nil {
		return 0, 0, err
	}
	peak, err := memoryOf("VmHWM")
	return took, peak - before, err
}

// proves makes sure that what was measured is what it is said to be.
func (t *table) proves(ctx context.Context, violating int) error {
	issues, err := t.store.Issues(ctx, narrative.IssueQuery{Assertion: "invoices-balance"}, narrative.Page{Limit: narrative.MaxPage})
	if err != nil {
		return err
	}
	many := 0
	for _, i := range issues.Items {
		if i.Kind == narrative.KindMany {
			many++
			if want := strconv.Itoa(violating - 50); !strings.Contains(i.Summary, want) {
				return fmt.Errorf("the issue for the rest says %q; want %s of them", i.Summary, want)
			}
		}
	}
	if len(issues.Items) != 51 || many != 1 {
		return fmt.Errorf("%d issues, %d of them for the rest; want 50 and one", len(issues.Items), many)
	}
	recorded, err := t.store.CheckRuns(ctx, "invoices-balance", narrative.Page{})
	if err == nil && len(recorded.Items) != rounds+1 {
		err = fmt.Errorf("%d checks were recorded; want %d", len(recorded.Items), rounds+1)
	}
	return err
}

// forgetPeak makes the kernel count the process's peak of memory anew, and returns what is resident, in MB.
func forgetPeak() (float64, error) {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return 0, err
	}
	return memoryOf("VmRSS")
}

// memoryOf reads a figure of this process's memory, in MB.
func memoryOf(name string) (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			kilobytes, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kilobytes / 1024, err
		}
	}
	return 0, fmt.Errorf("the kernel does not tell %s", name)
}

// nobody is told of issues here.
type nobody struct{}

func (nobody) HandOver(context.Context, narrative.Handoff) error            { return nil }
func (nobody) Notify(context.Context, string) error                         { return nil }
func (nobody) Refresh(context.Context, narrative.Post) error                { return nil }
func (nobody) StartCheck(context.Context, narrative.MetaKind, string) error { return nil }
func (nobody) Reconcile(context.Context) (narrative.Reconciled, error) {
	return narrative.Reconciled{}, nil
}
