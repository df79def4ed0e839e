package devserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// readyPoll is how long to wait between two questions to a frontend that does not answer yet.
const readyPoll = 10 * time.Millisecond

// awaitReady returns once the frontend can describe a workflow that does not exist: then the frontend, its view of the
// namespace, and the history shard behind it all work. It gives up when ctx ends or after startTimeout.
func (s *Server) awaitReady(ctx context.Context, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	conn, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("devserver: connect to the frontend: %w", err)
	}
	defer func() { _ = conn.Close() }()

	frontend := workflowservice.NewWorkflowServiceClient(conn)
	for {
		err := askForNothing(ctx, frontend, namespace)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("devserver: the frontend at %s did not become ready: %w (last answer: %w)",
				s.address, ctx.Err(), err)
		case <-time.After(readyPoll):
		}
	}
}

// askForNothing describes a workflow that does not exist. It returns nil when the server says just that.
func askForNothing(ctx context.Context, frontend workflowservice.WorkflowServiceClient, namespace string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := frontend.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: namespace,
		Execution: &commonpb.WorkflowExecution{WorkflowId: "devserver-is-ready"},
	})
	if err == nil {
		return nil
	}
	var missing *serviceerror.NotFound
	if errors.As(serviceerror.FromStatus(status.Convert(err)), &missing) {
		return nil
	}
	return err
}
