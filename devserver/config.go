package devserver

import (
	"fmt"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

const (
	// clusterName is the name of the only cluster there is. It is written into the file and must not change.
	clusterName = "active"

	// historyShards is how many parts the workflows are dealt to. It is written into the file and must not change. One
	// is enough where SQLite serves one writer at a time.
	historyShards = 1

	// queueWorkers is how many tasks of one kind are worked on at once. They wait for SQLite's one writer anyway.
	queueWorkers = 32
)

// serverOptions assembles the four services in one process, on a store and ports.
func serverOptions(file *store, p ports, h *quietHandler) ([]temporal.ServerOption, error) {
	conf := serverConfig(file, p)
	logger := newServerLogger(h)
	authorizer, err := authorization.GetAuthorizerFromConfig(&conf.Global.Authorization)
	if err != nil {
		return nil, fmt.Errorf("devserver: make authorizer: %w", err)
	}
	claims, err := authorization.GetClaimMapperFromConfig(&conf.Global.Authorization, logger)
	if err != nil {
		return nil, fmt.Errorf("devserver: make claim mapper: %w", err)
	}
	return []temporal.ServerOption{
		temporal.WithConfig(conf),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(staticHosts(p)),
		temporal.WithLogger(logger),
		temporal.WithAuthorizer(authorizer),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return claims }),
		temporal.WithDynamicConfigClient(dynamicValues()),
	}, nil
}

// staticHosts tells the services where the others are. With it they need no membership protocol and no ports for one.
func staticHosts(p ports) map[primitives.ServiceName]static.Hosts {
	return map[primitives.ServiceName]static.Hosts{
		primitives.FrontendService: static.SingleLocalHost(hostPort(p.frontend)),
		primitives.HistoryService:  static.SingleLocalHost(hostPort(p.history)),
		primitives.MatchingService: static.SingleLocalHost(hostPort(p.matching)),
		primitives.WorkerService:   static.SingleLocalHost(hostPort(p.worker)),
	}
}

// serverConfig is what a deployment would have in its configuration file. There is no metrics and no pprof port, and
// no HTTP port beside the frontend's.
func serverConfig(file *store, p ports) *config.Config {
	const dataStore = "sqlite"
	conf := &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     dataStore,
			VisibilityStore:  dataStore,
			NumHistoryShards: historyShards,
			DataStores:       map[string]config.DataStore{dataStore: {SQL: file.sql}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: hostPort(p.frontend)},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		PublicClient:        config.PublicClient{HostPort: hostPort(p.frontend)},
		Services: map[string]config.Service{
			string(primitives.FrontendService): onPort(p.frontend),
			string(primitives.HistoryService):  onPort(p.history),
			string(primitives.MatchingService): onPort(p.matching),
			string(primitives.WorkerService):   onPort(p.worker),
		},
	}
	conf.Global.Membership = config.Membership{MaxJoinDuration: startTimeout, BroadcastAddress: loopback}
	conf.Archival.History.State = "disabled"
	conf.Archival.Visibility.State = "disabled"
	conf.NamespaceDefaults.Archival.History.State = "disabled"
	conf.NamespaceDefaults.Archival.Visibility.State = "disabled"
	return conf
}

// onPort is one service on a port of the loopback address.
func onPort(port int) config.Service {
	return config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: loopback}}
}

// dynamicValues are the settings that differ from the server's defaults, which are made for clusters. Numbers must be
// int: the server ignores a value of another type.
func dynamicValues() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		// No asking the vendor whether there is a newer version.
		dynamicconfig.EnableServerVersionCheck.Key(): false,

		// A new search attribute or namespace works within a second.
		dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,
		dynamicconfig.NamespaceCacheRefreshInterval.Key():           time.Second,

		// One partition of a task queue is plenty for one machine, and no task waits in another one.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,

		// SQLite is the limit here; a count of requests is not.
		dynamicconfig.FrontendRPS.Key():                                  20_000,
		dynamicconfig.FrontendMaxNamespaceRPSPerInstance.Key():           20_000,
		dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 1_000,
		dynamicconfig.FrontendPersistenceMaxQPS.Key():                    50_000,
		dynamicconfig.HistoryRPS.Key():                                   50_000,
		dynamicconfig.HistoryPersistenceMaxQPS.Key():                     50_000,
		dynamicconfig.MatchingRPS.Key():                                  50_000,
		dynamicconfig.MatchingPersistenceMaxQPS.Key():                    50_000,
		dynamicconfig.SchedulerNamespaceStartWorkflowRPS.Key():           1_000.0,

		// A workflow id may be started again at once, not only a second later.
		dynamicconfig.WorkflowIdReuseMinimalInterval.Key(): time.Duration(0),

		// Memory: caches for hundreds of workflows at work, and a few workers where the default is 512 goroutines each.
		dynamicconfig.HistoryCacheHostLevelMaxSize.Key():             500,
		dynamicconfig.TransferProcessorSchedulerWorkerCount.Key():    queueWorkers,
		dynamicconfig.TimerProcessorSchedulerWorkerCount.Key():       queueWorkers,
		dynamicconfig.MemoryTimerProcessorSchedulerWorkerCount.Key(): queueWorkers,
		dynamicconfig.VisibilityProcessorSchedulerWorkerCount.Key():  queueWorkers,
		dynamicconfig.ArchivalProcessorSchedulerWorkerCount.Key():    queueWorkers,
	}
}
