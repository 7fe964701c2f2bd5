"""What of a caption is right."""

from gan_jax import metrics

RED, BLUE = ("red", "circle"), ("blue", "square")


def test_each_attribute_and_the_relation_count_by_themselves():
    found = [(BLUE, (20.0, 10.0)), (("red", "square"), (5.0, 12.0))]
    right = metrics.attributes_right(found, (RED, BLUE), (-1, 0))
    assert right.tolist() == [True, False, True, True, True]
    right = metrics.attributes_right(found, (RED, BLUE), (0, -1))  # more aside than above
    assert right.tolist() == [True, False, True, True, False]


def test_what_is_not_there_is_not_right():
    assert metrics.attributes_right([], (RED,)).tolist() == [False, False]
    right = metrics.attributes_right([(BLUE, (0.0, 0.0))], (RED, BLUE), (1, 0))
    assert right.tolist() == [False, False, True, True, False]
