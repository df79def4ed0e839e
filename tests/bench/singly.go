package main

import (
	"bufio"
	"bytes"
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	narrative "github.com/narrative-go/narrative"
)

// singly posts datums one by one.
func (i *intake) singly(times int) func(context.Context) error {
	return func(ctx context.Context) error {
		return among(times, func(n int) error {
			var body bytes.Buffer
			line := bufio.NewWriter(&body)
			someLine(line, n)
			_ = line.Flush()
			return post(ctx, i.api.URL, "application/json", &body, 1)
		})
	}
}

// connect makes the connections that single rows are inserted on.
func (i *intake) connect(ctx context.Context) (connections chan *pgx.Conn, disconnect func(), err error) {
	connections = make(chan *pgx.Conn, datumClients)
	disconnect = func() {
		for len(connections) > 0 {
			_ = (<-connections).Close(ctx)
		}
	}
	for range datumClients {
		conn, err := pgx.Connect(ctx, i.url)
		if err != nil {
			return nil, disconnect, err
		}
		connections <- conn
	}
	return connections, disconnect, nil
}

// insertSingly is its floor.
func insertSingly(connections chan *pgx.Conn, times int) func(context.Context) error {
	return func(ctx context.Context) error {
		return among(times, func(n int) error {
			conn := <-connections
			defer func() { connections <- conn }()
			d := someDatum(n)
			now := time.Now()
			_, err := conn.Exec(ctx, "INSERT INTO datums (id, origin, name, note, level, thread_id, at, expires_at, words) VALUES ($1, $2, $3, $4, 'info', $5, $6, $7, $8)",
				narrative.NewID(now), d.Origin, d.Name, string(d.Note), d.ThreadID, now, now.Add(30*24*time.Hour), "'customer' 'amount' 'state' 'refunded' '"+d.Origin+"' '"+d.Name+"'")
			return err
		})
	}
}
