// SPDX-License-Identifier: Apache-2.0

// Command eso is the controller of the External Secrets Operator as far as Keyturn has to equal it:
// its reconcilers of ExternalSecrets, SecretStores and ClusterSecretStores, with the defaults of its
// own command line. Its webhook, its certificate controller and PushSecrets are left out. It talks
// to the cluster that KUBECONFIG names; AWS's endpoints come from the environment variables that ESO
// itself reads (AWS_SECRETSMANAGER_ENDPOINT, AWS_SSM_ENDPOINT, AWS_STS_ENDPOINT).
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	esv1alpha1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1alpha1"
	genv1alpha1 "github.com/external-secrets/external-secrets/apis/generators/v1alpha1"
	"github.com/external-secrets/external-secrets/pkg/controllers/common"
	"github.com/external-secrets/external-secrets/pkg/controllers/externalsecret"
	"github.com/external-secrets/external-secrets/pkg/controllers/externalsecret/esmetrics"
	"github.com/external-secrets/external-secrets/pkg/controllers/metrics"
	"github.com/external-secrets/external-secrets/pkg/controllers/secretstore"
	"github.com/external-secrets/external-secrets/pkg/controllers/secretstore/cssmetrics"
	"github.com/external-secrets/external-secrets/pkg/controllers/secretstore/ssmetrics"
	"go.uber.org/zap/zapcore"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// The defaults of ESO's flags.
const (
	class                = "default"
	clientQPS            = 50
	clientBurst          = 100
	storeRequeueInterval = 5 * time.Minute
	requeueInterval      = time.Hour
)

func main() {
	// ESO's own default is one worker.
	workers := flag.Int("concurrent", 1, "how many ExternalSecrets are reconciled at once")
	flag.Parse()
	ctrl.SetLogger(zap.New(zap.Level(zapcore.InfoLevel)))
	if err := run(*workers); err != nil {
		fmt.Fprintln(os.Stderr, "eso:", err)
		os.Exit(1)
	}
}

func run(workers int) error {
	setUpMetrics()
	manager, err := newManager()
	if err != nil {
		return err
	}
	// ESO caches the Secrets that it manages, and no others.
	secrets, err := common.BuildManagedSecretClient(manager, "")
	if err != nil {
		return err
	}
	if err := addReconcilers(manager, secrets, workers); err != nil {
		return err
	}
	return manager.Start(ctrl.SetupSignalHandler())
}

// Without these the reconcilers dereference metrics that are not there.
func setUpMetrics() {
	metrics.SetUpLabelNames(false)
	esmetrics.SetUpMetrics()
	ssmetrics.SetUpMetrics()
	cssmetrics.SetUpMetrics()
}

func newManager() (ctrl.Manager, error) {
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, err
	}
	config.QPS = clientQPS
	config.Burst = clientBurst
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	uncached := []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}
	return ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Metrics: metricsserver.Options{BindAddress: "0"},
		Client:  client.Options{Cache: &client.CacheOptions{DisableFor: uncached}},
	})
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme,
		apiextensionsv1.AddToScheme,
		esv1.AddToScheme,
		esv1alpha1.AddToScheme,
		genv1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return scheme, nil
}

func addReconcilers(manager ctrl.Manager, secrets client.Client, workers int) error {
	options := func() controller.Options {
		// A limiter has the state of one queue.
		return controller.Options{
			MaxConcurrentReconciles: workers,
			RateLimiter:             common.BuildRateLimiter(),
		}
	}
	stores := &secretstore.StoreReconciler{
		Client:          manager.GetClient(),
		Log:             ctrl.Log.WithName("SecretStore"),
		Scheme:          manager.GetScheme(),
		ControllerClass: class,
		RequeueInterval: storeRequeueInterval,
	}
	if err := stores.SetupWithManager(manager, options()); err != nil {
		return err
	}
	clusterStores := &secretstore.ClusterStoreReconciler{
		Client:          manager.GetClient(),
		Log:             ctrl.Log.WithName("ClusterSecretStore"),
		Scheme:          manager.GetScheme(),
		ControllerClass: class,
		RequeueInterval: storeRequeueInterval,
	}
	if err := clusterStores.SetupWithManager(manager, options()); err != nil {
		return err
	}
	externalSecrets := &externalsecret.Reconciler{
		Client:                    manager.GetClient(),
		SecretClient:              secrets,
		Log:                       ctrl.Log.WithName("ExternalSecret"),
		Scheme:                    manager.GetScheme(),
		RestConfig:                manager.GetConfig(),
		ControllerClass:           class,
		RequeueInterval:           requeueInterval,
		ClusterSecretStoreEnabled: true,
		EnableFloodGate:           true,
	}
	return externalSecrets.SetupWithManager(manager, options())
}
