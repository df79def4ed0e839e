// Package postgres runs the store's batches on PostgreSQL 13 or later, with pgx. A batch is one round trip.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

var _ engine.Engine = (*Engine)(nil)

// Options are the optional parts of an engine.
type Options struct {
	Tracer pgx.QueryTracer // sees what is sent; default none
}

// Engine is a pool of connections to one database.
type Engine struct {
	pool *pgxpool.Pool
}

const (
	// connectTimeout bounds one attempt to connect where the URL says nothing else (connect_timeout).
	connectTimeout = 10 * time.Second
	// idleBeforePing is how long a connection lies idle before it is tried out ahead of its next use: long enough that
	// a check does not pay for it twice.
	idleBeforePing = 10 * time.Second
	// schemaLock is the key of the advisory lock that migrations are made under: "narrativ" in ASCII.
	schemaLock = 0x6e61727261746976
	// attempts is how often a transaction is made before its deadlock is reported.
	attempts = 5
)

// Open connects to the database of a URL postgres://user:password@host:port/database?options. The options are those
// of pgx and its pool, such as sslmode and pool_max_conns. No error shows the password.
func Open(ctx context.Context, rawURL string, o Options) (*Engine, error) {
	config, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	config.ConnConfig.Tracer = o.Tracer
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, narrative.Errorf(narrative.Unavailable, "open the database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, unreachable(ctx, config, err)
	}
	return &Engine{pool: pool}, nil
}

func parse(rawURL string) (*pgxpool.Config, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" && u.Query().Get("host") == "" {
		return nil, narrative.Errorf(narrative.Invalid, "the database URL cannot be read; it must look like "+
			"postgres://user:password@host:5432/database, with special characters of the user and the password percent-encoded")
	}
	config, err := pgxpool.ParseConfig(rawURL)
	if err != nil {
		return nil, narrative.Errorf(narrative.Invalid, "the database URL cannot be used: %s", withoutPassword(u, err))
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "narrative"
	}
	config.ShouldPing = func(_ context.Context, p pgxpool.ShouldPingParams) bool {
		return p.IdleDuration > idleBeforePing
	}
	return config, nil
}

// withoutPassword returns what is wrong with the URL's options. pgx begins its errors with the URL between back-quotes,
// which is cut off; the password is taken out of the rest for good measure.
func withoutPassword(u *url.URL, err error) string {
	text := err.Error()
	if _, rest, ok := strings.Cut(text, "`: "); ok {
		text = rest
	}
	if secret, set := u.User.Password(); set && secret != "" {
		text = strings.NewReplacer(secret, "xxxxx", url.QueryEscape(secret), "xxxxx", url.PathEscape(secret), "xxxxx").Replace(text)
	}
	return text
}

func unreachable(ctx context.Context, config *pgxpool.Config, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("open the database: %w", ctx.Err())
	}
	c := config.ConnConfig
	where := net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
	switch code(err) {
	case "3D000":
		return narrative.Errorf(narrative.Unavailable, "there is no database %q on %s: create it, for instance with createdb %s", c.Database, where, c.Database)
	case "28P01", "28000":
		return narrative.Errorf(narrative.Unavailable, "the PostgreSQL server on %s refused the user %q: check the user and the password of the database URL", where, c.User)
	}
	return narrative.Errorf(narrative.Unavailable, "the PostgreSQL server on %s does not answer (%s): check that it runs, and the host and port of the database URL", where, reason(err))
}

// reason is the innermost cause of a failure to connect.
func reason(err error) string {
	var dial *net.OpError
	if errors.As(err, &dial) {
		return dial.Err.Error()
	}
	for cause := errors.Unwrap(err); cause != nil; cause = errors.Unwrap(err) {
		err = cause
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// Dialect returns PostgreSQL's.
func (e *Engine) Dialect() engine.Dialect {
	return engine.Dialect{
		Name:       "postgres",
		RowLocks:   true,
		Words:      true,
		LockSchema: fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", schemaLock),
		HasSchema:  "SELECT to_regclass('narrative_schema') IS NOT NULL",
		Contains:   "strpos(lower(%s), lower(%s)) > 0",
		Mark:       func(string) string { return "SELECT pg_current_snapshot()::text" },
		Unseen:     unseen,
		Rows:       rows,
	}
}

// unseen are the rows of transactions that were not over in the snapshot, xmin:xmax:those. Of a transaction's id a row
// has the lower half; the whole is the one nearest to the snapshot.
func unseen(snapshot string) (string, []any, error) {
	parts := strings.Split(snapshot, ":")
	if len(parts) != 3 {
		return "", nil, narrative.Errorf(narrative.Invalid, "%q is not a mark of this store", snapshot)
	}
	xmax, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return "", nil, narrative.Errorf(narrative.Invalid, "%q is not a mark of this store", snapshot)
	}
	const whole = "CAST(? AS bigint) + ((xmin::text::bigint - CAST(? AS bigint) + 2147483648) & 4294967295) - 2147483648"
	return "NOT pg_visible_in_snapshot((" + whole + ")::text::xid8, CAST(? AS pg_snapshot))", []any{xmax, xmax, snapshot}, nil
}

// rows takes an array for each column.
func rows(placeholder int, columns ...engine.Column) string {
	var names, values, arrays []string
	for i, c := range columns {
		value := "c." + c.Name
		if c.JSON {
			value = "CAST(NULLIF(" + value + ", '') AS json) AS " + c.Name
		}
		names, values = append(names, c.Name), append(values, value)
		arrays = append(arrays, fmt.Sprintf("$%d::text[]", placeholder+i))
	}
	return "(SELECT " + strings.Join(values, ", ") + " FROM unnest(" + strings.Join(arrays, ", ") + ") AS c (" +
		strings.Join(names, ", ") + ")) AS r"
}

// Close closes the connections once they are no longer in use.
func (e *Engine) Close() error {
	e.pool.Close()
	return nil
}
