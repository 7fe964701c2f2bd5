import jax
import numpy as np
import pytest

from gan_jax.nets import dcgan

KEY = jax.random.key(0)
IMAGES = jax.random.normal(KEY, (6, 8, 8, 1))


@pytest.mark.parametrize("batch_norm", [True, False])
def test_features_pass_a_dense_layer_where_there_is_a_hidden_one(batch_norm):
    net = dcgan.Discriminator(2, batch_norm=batch_norm, hidden=5, features=True)
    variables = net.init(KEY, IMAGES)
    variables = jax.tree.map(lambda x: x + 0.1, variables)
    output = net.apply(variables, IMAGES)
    body = {name: stats["Body_0"] for name, stats in variables.items() if "Body_0" in stats}
    features = np.asarray(dcgan.Body(2, batch_norm).apply(body, IMAGES))
    params, running = jax.tree.map(np.asarray, (variables["params"], variables.get("batch_stats")))
    x = features @ params["Dense_0"]["kernel"]
    if batch_norm:
        learnt, seen = params["BatchNorm_0"], running["BatchNorm_0"]
        x = (x - seen["mean"]) / np.sqrt(seen["var"] + 1e-5) * learnt["scale"] + learnt["bias"]
    else:
        x = x + params["Dense_0"]["bias"]
    expected = np.where(x > 0, x, 0.2 * x)
    np.testing.assert_allclose(output["features"], expected, rtol=1e-4, atol=1e-5)
    head = params["Head_0"]["Dense_0"]
    logits = expected @ head["kernel"][:, 0] + head["bias"]
    np.testing.assert_allclose(output["logits"], logits, rtol=1e-4, atol=1e-5)
