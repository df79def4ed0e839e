package starter

import (
	"context"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// running returns the workflows of a type that run, with their memos, by id. What Temporal lists lags a little behind.
func running(ctx context.Context, c client.Client, workflowType string) (map[string]*commonpb.Memo, error) {
	found := map[string]*commonpb.Memo{}
	request := &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 1000,
		Query:    fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", workflowType),
	}
	for {
		page, err := c.ListWorkflow(ctx, request)
		if err != nil {
			return nil, unavailable(err)
		}
		for _, e := range page.Executions {
			found[e.Execution.WorkflowId] = e.Memo
		}
		if len(page.NextPageToken) == 0 {
			return found, nil
		}
		request.NextPageToken = page.NextPageToken
	}
}
