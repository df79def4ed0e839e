package cli

import (
	"log/slog"

	"github.com/spf13/cobra"

	narrative "github.com/narrative-go/narrative"
)

func (p *program) workerCommand() *cobra.Command {
	var queues []string
	c := &cobra.Command{
		Use: "worker", Short: "Make the checks, live the issues, send the mail (needs NARRATIVE_DATABASE_URL and a Temporal)", Args: takes(),
	}
	trigger := triggering(c.Flags())
	c.Flags().StringArrayVar(&queues, "queue", nil, "answer this task queue besides, which metas name; repeatable")
	c.RunE = p.does(func(cmd *cobra.Command, _ []string) error {
		for _, q := range queues {
			if err := narrative.CheckText(q); err != nil || q == "" || len(q) > 200 {
				return misused("--queue is %q; expected the name of a task queue", q)
			}
		}
		o, err := p.serviceOptions(slog.LevelInfo, *trigger)
		if err != nil {
			return err
		}
		o.Worker, o.Queues = true, queues
		return p.serve(cmd.Context(), o, func(server) {
			o.Logger.Info("working", "queues", append([]string{narrative.TaskQueue, narrative.NotifyTaskQueue}, queues...))
		})
	})
	return c
}
