package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	narrative "github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/httpapi"
	"github.com/narrative-go/narrative/persistence"
	"github.com/narrative-go/narrative/persistence/pgtest"
)

// How many datums are written for a sample, and beats are looked through. The quick form has a tenth.
const (
	writtenDatums = 200_000
	singleDatums  = 20_000
	streamedLines = 1_000_000
	listedBeats   = 1_000_000
	sweptDatums   = 1_000_000
	datumClients  = 8
)

// someDatum is a datum such as an application writes.
func someDatum(n int) narrative.Datum {
	return narrative.Datum{
		Origin: "origin" + strconv.Itoa(n%10), Name: "name" + strconv.Itoa(n%100), ThreadID: "thread" + strconv.Itoa(n/10),
		Note: json.RawMessage(fmt.Sprintf(`{"customer":%d,"amount":"%d.50","state":"refunded"}`, n%1000, n%97)),
	}
}

func someLine(to *bufio.Writer, n int) {
	d := someDatum(n)
	fmt.Fprintf(to, `{"origin":"%s","name":"%s","thread_id":"%s","note":%s}`+"\n", d.Origin, d.Name, d.ThreadID, d.Note)
}

// intake is a PostgreSQL store with its API, and a connection beside.
type intake struct {
	store *persistence.Store
	api   *httptest.Server
	conn  *pgx.Conn
	url   string
	rows  int
	dump  []byte // all rows, as the server copies them out
}

func newIntake(ctx context.Context, rows int) (i *intake, stop func(), err error) {
	end, err := pgtest.StartLasting()
	if err != nil {
		return nil, nil, err
	}
	i = &intake{rows: rows}
	if i.url, err = pgtest.New(); err != nil {
		return nil, end, err
	}
	if i.store, err = persistence.Open(ctx, i.url, persistence.Options{}); err != nil {
		return nil, end, err
	}
	if i.conn, err = pgx.Connect(ctx, i.url); err != nil {
		return nil, end, err
	}
	handler, err := apiOver(i.store)
	if err != nil {
		return nil, end, err
	}
	i.api = httptest.NewServer(handler)
	return i, func() {
		i.api.Close()
		_ = i.conn.Close(context.WithoutCancel(ctx))
		_ = i.store.Close()
		end()
	}, nil
}

// apiOver is the API of a store that is only written to and read.
func apiOver(store narrative.Store) (http.Handler, error) {
	return httpapi.New(httpapi.Options{
		Store: store, Operator: nobodyAsks{}, RateLimit: -1,
		Apply: func(context.Context, httpapi.Application) (narrative.Applied, error) { return narrative.Applied{}, nil },
		Parse: func([]byte) (narrative.Manifest, error) { return narrative.Manifest{}, nil },
		Put:   func(context.Context, narrative.Manifest) (narrative.Applied, error) { return narrative.Applied{}, nil },
		Ready: func(context.Context) httpapi.Readiness { return httpapi.Readiness{} },
	})
}

func (i *intake) empty(ctx context.Context) error {
	_, err := i.conn.Exec(ctx, "TRUNCATE datums")
	return err
}

// keepDump writes all rows and has the server copy them out.
func (i *intake) keepDump(ctx context.Context) error {
	if err := i.stream(ctx); err != nil {
		return err
	}
	var out bytes.Buffer
	_, err := i.conn.PgConn().CopyTo(ctx, &out, "COPY datums TO STDOUT BINARY")
	i.dump = out.Bytes()
	return err
}

// copyIn is the floor: the server copies the same rows into the same table.
func (i *intake) copyIn(ctx context.Context) error {
	_, err := i.conn.PgConn().CopyFrom(ctx, bytes.NewReader(i.dump), "COPY datums FROM STDIN BINARY")
	return err
}

// stream sends all rows as NDJSON over HTTP.
func (i *intake) stream(ctx context.Context) error { return streamLines(ctx, i.api.URL, i.rows) }

func streamLines(ctx context.Context, url string, rows int) error {
	reader, writer := io.Pipe()
	go func() {
		buffered := bufio.NewWriterSize(writer, 64<<10)
		for n := range rows {
			someLine(buffered, n)
		}
		_ = buffered.Flush()
		_ = writer.Close()
	}()
	defer reader.Close()
	return post(ctx, url, "application/x-ndjson", reader, rows)
}

func post(ctx context.Context, url, contentType string, body io.Reader, want int) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/api/v1/datums", body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", contentType)
	answer, err := clients.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err == nil && !bytes.Contains(said, fmt.Appendf(nil, `"stored":%d,`, want)) {
		err = fmt.Errorf("%s: %s", answer.Status, said)
	}
	return err
}

// clients keep their connections alive.
var clients = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: datumClients}}

// write writes all rows in this process, from several goroutines, through a writer that commits them in groups.
func write(ctx context.Context, store narrative.DatumStore, rows int) error {
	w := narrative.NewDatums(store, narrative.DatumsOptions{})
	err := among(rows, func(n int) error { return w.Log(ctx, someDatum(n)) })
	if closed := w.Close(ctx); err == nil {
		err = closed
	}
	return err
}

// among has several goroutines do something so often in all.
func among(times int, do func(n int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range datumClients {
		all.Go(func() {
			for n := int(next.Add(1)) - 1; n < times && failed.Load() == nil; n = int(next.Add(1)) - 1 {
				if err := do(n); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// measureDatums writes datums in every way there is, against the bare database.
func measureDatums(ctx context.Context, dir string, s size) ([]row, error) {
	i, stop, err := newIntake(ctx, int(writtenDatums*s.lists))
	if stop != nil {
		defer stop()
	}
	if err != nil {
		return nil, err
	}
	if err := i.keepDump(ctx); err != nil {
		return nil, err
	}
	connections, disconnect, err := i.connect(ctx)
	defer disconnect()
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, way := range []struct {
		what       string
		limit      float64
		ours       func(context.Context) error
		floor      func(context.Context) error
		note       string
		times, per int
	}{
		{"datums a second as NDJSON over HTTP, PostgreSQL", 0.5, i.stream, i.copyIn, "floor: the server's own COPY FROM of the same rows", rounds, i.rows},
		{"datums a second from 8 goroutines, PostgreSQL", 0.4, func(ctx context.Context) error { return write(ctx, i.store, i.rows) }, i.copyIn, "floor: likewise", rounds, i.rows},
		{"datums a second one by one from 8 clients, PostgreSQL", 0.8, i.singly(int(singleDatums * s.lists)), insertSingly(connections, int(singleDatums*s.lists)), "floor: bare single INSERTs on 8 connections", rounds, int(singleDatums * s.lists)},
	} {
		r := row{what: way.what, compare: ratio, bound: bound{"≥", way.limit}, note: way.note}
		for range way.times {
			var ours, floor time.Duration
			for _, turn := range []struct {
				took *time.Duration
				do   func(context.Context) error
			}{{&floor, way.floor}, {&ours, way.ours}} {
				if err := i.empty(ctx); err != nil {
					return nil, err
				}
				if err := timed(turn.took, func() error { return turn.do(ctx) }); err != nil {
					return nil, err
				}
			}
			r.ours, r.floor = append(r.ours, perSecond(way.per, ours)), append(r.floor, perSecond(way.per, floor))
		}
		rows = append(rows, r)
	}
	memory, err := i.memory(ctx, int(streamedLines*s.lists))
	if err != nil {
		return nil, err
	}
	lite, err := measureSQLite(ctx, dir, int(writtenDatums*s.lists))
	return append(rows, memory, lite), err
}

func perSecond(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

// memory is what a long stream of lines costs beyond what the process has before. The client is in this process as well.
func (i *intake) memory(ctx context.Context, lines int) (row, error) {
	r := row{
		what: fmt.Sprintf("memory for a stream of %d lines, MB", lines), compare: alone, bound: bound{"≤", 50},
		note: "resident, the client and all; beyond what one stream of a hundredth left behind",
	}
	for _, lines := range []int{lines / 100, lines} {
		if err := i.empty(ctx); err != nil {
			return r, err
		}
		i.dump = nil
		debug.FreeOSMemory()
		before, err := resident()
		if err != nil {
			return r, err
		}
		ended, most := make(chan error, 1), before
		go func() { ended <- streamLines(ctx, i.api.URL, lines) }()
		for streaming := true; streaming; {
			select {
			case err := <-ended:
				if err != nil {
					return r, err
				}
				streaming = false
			case <-time.After(20 * time.Millisecond):
			}
			now, err := resident()
			if err != nil {
				return r, err
			}
			most = max(most, now)
		}
		r.ours = []float64{most - before}
	}
	return r, nil
}

// resident is how much memory of the machine the process has, in MB.
func resident() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return kilobytes / 1024, err
}

// measureSQLite writes datums from several goroutines, against bare prepared INSERTs in transactions of as many.
func measureSQLite(ctx context.Context, dir string, n int) (row, error) {
	r := row{
		what: "datums a second from 8 goroutines, SQLite", compare: ratio, bound: bound{"≥", 0.5},
		note: "floor: prepared INSERTs of the same driver, 1,000 a transaction",
	}
	for sample := range rounds {
		path := filepath.Join(dir, fmt.Sprintf("datums-%d.db", sample))
		if _, _, err := persistence.Migrate(ctx, "sqlite:"+path); err != nil {
			return r, err
		}
		store, err := persistence.Open(ctx, "sqlite:"+path, persistence.Options{})
		if err != nil {
			return r, err
		}
		var ours, floor time.Duration
		err = timed(&ours, func() error { return write(ctx, store, n) })
		_ = store.Close()
		if err != nil {
			return r, err
		}
		bare := filepath.Join(dir, fmt.Sprintf("bare-%d.db", sample))
		if _, _, err := persistence.Migrate(ctx, "sqlite:"+bare); err != nil {
			return r, err
		}
		if err := timed(&floor, func() error { return insertBare(ctx, bare, n) }); err != nil {
			return r, err
		}
		r.ours, r.floor = append(r.ours, perSecond(n, ours)), append(r.floor, perSecond(n, floor))
	}
	return r, nil
}

func insertBare(ctx context.Context, path string, rows int) error {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	for begin := 0; begin < rows; begin += 1000 {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, "INSERT INTO datums (id, origin, name, note, level, thread_id, at, expires_at) VALUES (?, ?, ?, ?, 'info', ?, ?, ?)")
		if err != nil {
			return err
		}
		for n := begin; n < min(begin+1000, rows); n++ {
			d := someDatum(n)
			now := time.Now()
			if _, err := insert.ExecContext(ctx, narrative.NewID(now), d.Origin, d.Name, string(d.Note), d.ThreadID, now.UnixMicro(), now.Add(30*24*time.Hour).UnixMicro()); err != nil {
				return err
			}
		}
		_ = insert.Close()
		if err := tx.Commit(); err != nil {
			return err
		}
	}
	return nil
}
