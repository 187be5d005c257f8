"""Models as users bring them to a comparison: classifiers, trunks, and functions that go wrong."""

import keras
from keras import layers


def cnn():
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(6, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.003), "binary_crossentropy", metrics=["accuracy"])
    return model


def residual(input_shape):
    rows = layers.Input(input_shape)
    hidden = layers.Dense(6, activation="tanh", kernel_regularizer=keras.regularizers.L2(0.01))(rows)
    hidden = layers.Add()([hidden, layers.Dense(6, activation="tanh")(hidden)])
    model = keras.Model(rows, layers.Activation("softmax")(layers.Dense(2)(hidden)))
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True), "sparse_categorical_crossentropy")
    return model


class Gate(layers.Layer):
    """Something that no rule knows."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x * keras.ops.sigmoid(self.scale * x)


def custom(input_shape):
    model = keras.Sequential([layers.Input(input_shape), layers.Dense(5), Gate(name="gate"), layers.Dense(1)])
    model.compile(keras.optimizers.RMSprop(0.01), keras.losses.BinaryCrossentropy(from_logits=True))
    return model


def late(input_shape):
    """An activation that is a layer has its weights only when it runs."""
    return keras.Sequential([layers.Input(input_shape), layers.Dense(4, activation=layers.PReLU())])


def trunk(input_shape):
    return keras.Sequential([layers.Dense(4, activation="relu")])


def linear(input_shape=(5,)):
    return keras.Sequential([layers.Input(input_shape), layers.Dense(1, activation="sigmoid")])


def decaying(input_shape):
    model = keras.Sequential(
        [
            layers.Input(input_shape),
            layers.Dense(4),
            layers.Dense(1, "sigmoid", kernel_regularizer=keras.regularizers.L2(0.1)),
        ]
    )
    model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.1), "binary_crossentropy")
    return model


def scheduled(input_shape):
    model = residual(input_shape)
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 100)
    model.compile(keras.optimizers.SGD(schedule, clipnorm=1.0), "mse")
    return model


def raises():
    raise RuntimeError("the weights are\nnot there")


def returns_nothing():
    cnn()


def returns_text():
    return "a model"


def asks_too_much(input_shape, units):
    return trunk(input_shape)


def ends_in_a_map():
    return keras.Sequential([layers.Input((5,)), layers.Reshape((5, 1))])


def three_classes(input_shape):
    model = keras.Sequential([layers.Input(input_shape), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def three_classes_uncompiled(input_shape):
    return keras.Sequential([layers.Input(input_shape), layers.Dense(3), layers.Softmax()])


def pooled_classes():
    """A classifier of images whose values are a convolution's means."""
    stack = [layers.Conv2D(2, 3), layers.GlobalAveragePooling2D(), layers.Activation("softmax")]
    return keras.Sequential([layers.Input((8, 8, 1)), *stack])


def pooled_unit():
    stack = [layers.Conv2D(1, 3), layers.GlobalAveragePooling2D(), layers.Activation("sigmoid")]
    return keras.Sequential([layers.Input((8, 8, 1)), *stack])


def nested_head(input_shape):
    end = keras.Sequential([layers.Input((6,)), layers.Dense(4, activation="relu"), layers.Dense(1)])
    return keras.Sequential([layers.Input(input_shape), layers.Dense(6), end])


class Classifier(keras.Model):
    """A head inside of a class of the user's own."""

    def __init__(self):
        super().__init__()
        self.last = layers.Dense(2, activation="softmax")

    def call(self, rows):
        return self.last(rows)


def class_of_its_own():
    return Classifier()


def between_minus_one_and_one(input_shape):
    return keras.Sequential([layers.Input(input_shape), layers.Dense(4), layers.Dense(1, activation="tanh")])


def few_features(input_shape):
    """A trunk of two features, as for a picture of them."""
    return keras.Sequential([layers.Input(input_shape), layers.Dense(2, activation="tanh")])


def nested_trunk(input_shape):
    stack = [layers.Input((6,)), layers.Dense(3, activation="sigmoid")]
    return keras.Sequential([layers.Input(input_shape), layers.Dense(6), keras.Sequential(stack)])


def of_eight_columns():
    return keras.Sequential([layers.Input((8,)), layers.Dense(4)])


def two_inputs():
    first, second = layers.Input((5,)), layers.Input((5,))
    return keras.Model([first, second], layers.Add()([first, second]))


def averaged(input_shape):
    model = custom(input_shape)
    model.compile(keras.optimizers.Adam(0.01, use_ema=True), "binary_crossentropy")
    return model


def in_half():
    return keras.Sequential([layers.Input((5,)), layers.Dense(4, dtype="mixed_float16")])


def seeded(input_shape):
    keras.utils.set_random_seed(7)
    return keras.Sequential([layers.Input(input_shape), layers.Dense(4, activation="relu")])


def _ending(units, activation, loss, **head):
    def build(input_shape):
        last = layers.Dense(units, activation, **head)
        model = keras.Sequential([layers.Input(input_shape), layers.Dense(4, activation="relu"), last])
        model.compile("adam", loss)
        return model

    return build


def of_one_unit(**head):
    return _ending(1, "sigmoid", "binary_crossentropy", **head)


def of_two_units(**head):
    return _ending(2, "softmax", "sparse_categorical_crossentropy", **head)
